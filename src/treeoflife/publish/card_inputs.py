"""What a card is made from."""

from collections import Counter
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
        shown_config: the configuration without paths of the computer.
        url: the address at which the dataset is published, if that is known.
    """

    paths: Paths
    config: Config
    figures: Figures
    pictures: Sequence[Picture]
    origins: Mapping[str, str]
    check_results: Sequence[CheckResult]
    shown_config: str
    url: str = ""

    @property
    def titles(self) -> dict[str, str]:
        """The title of each source that has images, as plain text."""
        names = list(self.figures.numbers["source"])
        titles = {name: self.origin(name).title or name for name in names}
        several = {title for title, count in Counter(titles.values()).items() if count > 1}
        return {name: f"{title} ({name})" if title in several else title for name, title in titles.items()}

    def origin(self, source: str) -> Origin:
        """The origin of a source's images."""
        return ORIGINS.get(self.origins.get(source, ""), Origin(source))

    @property
    def title(self) -> str:
        """The title of the dataset: the configured one, or one that says where its images are from."""
        return self.config.card.title or f"Living things: images from {joined(list(self.titles.values()))}"
