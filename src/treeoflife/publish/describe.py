"""The files that describe a dataset to others, written together."""

from collections.abc import Sequence
from pathlib import Path

from ..config.config import Config
from ..config.paths import Paths
from ..selection.licences import write_licences
from .card import CheckResult, write_card
from .croissant import write_croissant


def describe(paths: Paths, config: Config, check_results: Sequence[CheckResult], url: str = "") -> list[Path]:
    """Write licences.csv, the card README.md and croissant.json of a built dataset; returns their paths.

    Args:
        config: its configuration. Without ``[licences] manifest``, licences.csv is not written.
        check_results: the results of check-taxa, which the card lists.
        url: the address at which the dataset is published, if it is.

    Raises:
        InputError: there is no catalog, or the manifest of licences cannot be read.
    """
    written, manifest = list[Path](), config.licences.manifest
    if manifest and paths.catalog.exists():
        write_licences(paths.licences, paths.catalog, manifest)
        written.append(paths.licences)
    return [*written, write_card(paths, config.names, check_results), write_croissant(paths, url)]
