"""What a card is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..config.config import Config
from ..config.paths import Paths
from .citations import ORIGINS, Origin
from .figures import Figures
from .markdown import joined
from .pictures import Picture

CheckResult = Mapping[str, Any]
"""One result of check-taxa: ``what`` was found, in how many ``images``, and ``examples``."""


@dataclass(frozen=True)
class CardInputs:
    """What a card is made from.

    Attributes:
        origins: the origins of images by the name of the source, as keys of :data:`.citations.ORIGINS`; a source whose
            origin is not known is missing.
        check_results: the results of check-taxa.
        url: the address at which the dataset is published, if that is known.
    """

    paths: Paths
    config: Config
    figures: Figures
    pictures: Sequence[Picture]
    origins: Mapping[str, str]
    check_results: Sequence[CheckResult]
    url: str = ""

    @property
    def titles(self) -> dict[str, str]:
        """The title of each source that has images, as plain text."""
        return {name: self.origin(name).title for name in self.figures.numbers["source"]}

    def origin(self, source: str) -> Origin:
        """The origin of a source's images."""
        return ORIGINS.get(self.origins.get(source, ""), Origin(source))

    @property
    def title(self) -> str:
        """The title of the dataset: the configured one, or one that says where its images are from."""
        return self.config.card.title or f"Living things: images from {joined(list(self.titles.values()))}"
