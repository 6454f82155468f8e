"""What init found in raw data, and the configuration that it writes for it."""

from dataclasses import dataclass

from ..config.config import Config
from ..config.tables import Images
from ..config.writer import render_config
from ..images.resample import fastest
from ..sources.registry import settings_class


@dataclass(frozen=True)
class Discovery:
    """What a folder of raw data holds: a configuration for it, what was found and what was not, and what is odd."""

    config: Config
    found: tuple[str, ...]
    missing: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The dataset.toml."""
        return render_config(self.config, settings_class)


def chosen_images() -> Images:
    """How images of a new dataset are made: as by default, but with the fastest resampler of this computer."""
    return Images(resampler=fastest())
