"""Which images of a dataset nobody has allowed to redistribute: what is said before it is published."""

from collections.abc import Mapping, Sequence

from ..core.text import counted
from ..selection.licences import ALL_RIGHTS_RESERVED, OTHER
from .citations import ORIGINS, Origin
from .figures import LicenceCount
from .markdown import joined

_MEANING = {
    ALL_RIGHTS_RESERVED: "with all rights reserved: ask their owners before you publish them",
    "": "without a known licence: ask their sources whether they may be redistributed",
    OTHER: "under a licence that is not recognised: read what their sources say of it",
}
"""What is said of images with such a licence, in the order of saying."""


def find_obstacles(licences: Sequence[LicenceCount], origins: Mapping[str, str], *, private: bool = False) -> list[str]:
    """Which images may not be redistributed, as far as is known, and what to do, in sentences; empty if all may be.

    Args:
        licences: the images by source and licence.
        origins: the origins of sources, as keys of :data:`.citations.ORIGINS`.
        private: whether the dataset will be seen by its owners alone.

    >>> eol = [LicenceCount("eol", "cc-by-4.0", "", 90, 90), LicenceCount("eol", "all-rights-reserved", "", 7, 7)]
    >>> print(*find_obstacles(eol, {"eol": "eol"}, private=True), sep="\\n")
    7 images (eol 7) are with all rights reserved: ask their owners before you publish them
    to leave them out, set allow in [licences] of dataset.toml to the licences that you want, such as ["cc0", "cc-by"], and build again
    """
    terms = {one.source: terms for one in licences if (terms := _origin(one.source, origins).terms)}
    by_terms = {source: sum(one.images for one in licences if one.source == source) for source in terms}
    said = [
        f"{counted(images, 'image')} of {source}: the terms of {_origin(source, origins).title} {terms[source]}"
        for source, images in sorted(by_terms.items())
    ]
    others = [one for one in licences if one.source not in terms]
    unlicensed = set(by_terms) | _without_any_licence(others)
    for name, meaning in _MEANING.items():
        if of_it := _by_source(others, name):
            sources = ", ".join(f"{source} {images:,}" for source, images in sorted(of_it.items()))
            number = sum(of_it.values())
            said.append(f"{counted(number, 'image')} ({sources}) {'is' if number == 1 else 'are'} {meaning}")
    return [*said, _remedy(sorted(unlicensed), private=private)] if said else []


def _origin(source: str, origins: Mapping[str, str]) -> Origin:
    return ORIGINS.get(origins.get(source, ""), Origin(source))


def _by_source(licences: Sequence[LicenceCount], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in licences:
        if one.name == name:
            counts[one.source] = counts.get(one.source, 0) + one.images
    return counts


def _without_any_licence(licences: Sequence[LicenceCount]) -> set[str]:
    """The sources of whose images no licence is known: [licences] allow leaves those as they are."""
    return {one.source for one in licences} - {one.source for one in licences if one.name}


def _remedy(unlicensed: Sequence[str], *, private: bool) -> str:
    text = (
        'to leave them out, set allow in [licences] of dataset.toml to the licences that you want, such as ["cc0", "cc-by"], '
        "and build again"
    )
    if unlicensed:
        tables = joined([f"[sources.{name}]" for name in unlicensed])
        text += f"; where no image of a source has a licence, remove the source: {tables}"
    return text if private else f"{text}; with --private, a new repository is seen by its owners alone"
