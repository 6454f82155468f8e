"""All that describes a dataset, written at once."""

from __future__ import annotations

from pathlib import Path

from ..pipeline.run import Dataset
from ..selection import licences
from .card import write_card
from .croissant import write_croissant


def describe(dataset: Dataset, url: str = "") -> list[Path]:
    """Write all that describes a dataset that was built: licences.csv, the card and croissant.json; returns where.

    Args:
        dataset: the dataset.
        url: where it is published, if it is.

    Raises:
        InputError: there is no catalog, or the manifest of licences cannot be read.
    """
    paths, manifest, written = dataset.paths, dataset.config.licences.manifest, list[Path]()
    if manifest and paths.catalog.exists():
        licences.write(paths.licences, paths.catalog, manifest)
        written.append(paths.licences)
    return [*written, write_card(dataset), write_croissant(paths, url)]
