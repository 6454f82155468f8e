"""What the built-in sources say about their images beside names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from treeoflife.core.database import Database
from treeoflife.sources.base import ABOUT_COLUMNS
from treeoflife.sources.bioscan import Bioscan, Settings

RECORDS = [
    {"chunk_number": 1, "image_file": "a.jpg", "processid": "P1", "sampleid": "S1", "order": "Diptera"},
    {"chunk_number": "1", "image_file": "b.jpg", "processid": "P1", "sampleid": "S2", "order": "Diptera"},
    {"chunk_number": 2, "image_file": "a.jpg", "processid": None, "sampleid": "S3", "order": "Diptera"},
    {"chunk_number": 2, "image_file": "c.jpg", "order": "Diptera"},
    {"chunk_number": 2, "image_file": "c.jpg", "order": "Diptera"},
]


@pytest.mark.parametrize("ending", ["jsonld", "tsv"])
def test_an_image_of_bioscan_shows_a_specimen(database: Database, tmp_path: Path, ending: str) -> None:
    """By its process id, else by its sample id; a record that is there twice counts once."""
    path = tmp_path / f"metadata.{ending}"
    names = ("chunk_number", "image_file", "processid", "sampleid", "order")
    lines = ["\t".join(names), *("\t".join(str(one.get(name) or "") for name in names) for one in RECORDS)]
    path.write_text(json.dumps(RECORDS) if ending == "jsonld" else "\n".join(lines) + "\n")
    assert Bioscan("bioscan", Settings(path=tmp_path, metadata=path)).about(database)
    found = database.frame("FROM about ORDER BY part, filename")
    assert set(found.columns) == {"part", "filename", *ABOUT_COLUMNS}
    assert found.select("part", "filename", "observation", "source_id", "title").rows() == [
        (1, "a.jpg", "P1", "P1", None),
        (1, "b.jpg", "P1", "P1", None),
        (2, "a.jpg", "S3", "S3", None),
        (2, "c.jpg", None, None, None),
    ]


def test_without_metadata_bioscan_says_nothing(database: Database, tmp_path: Path) -> None:
    assert not Bioscan("bioscan", Settings(path=tmp_path)).about(database)
