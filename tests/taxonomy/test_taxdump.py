"""NCBI's taxonomy as it is published: nodes.dmp and names.dmp in a folder, a zip or a tar archive."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl
import pytest
from checklist_archives import folder_of, lineage, names, opened, vernaculars, zipped

from treeoflife.core.database import Database
from treeoflife.errors import InputError
from treeoflife.taxonomy.checklists.checklist import NAMES, VERNACULARS
from treeoflife.taxonomy.checklists.taxdump import is_taxdump

NODES = (
    (1, 1, "no rank"), (10, 1, "superkingdom"), (20, 10, "kingdom"), (30, 20, "phylum"), (40, 30, "superclass"),
    (41, 40, "class"), (42, 41, "order"), (43, 42, "family"), (44, 43, "genus"), (45, 44, "species"),
    (46, 45, "subspecies"), (50, 30, "clade"), (51, 50, "order"), (52, 51, "family"), (53, 52, "genus"),
    (54, 53, "subgenus"), (55, 54, "species group"), (56, 55, "species"), (57, 53, "species"), (60, 1, "no rank"),
)  # fmt: skip
TEXTS = (
    (1, "root", "scientific name"), (10, "Eukaryota", "scientific name"), (10, "eucaryotes", "genbank common name"),
    (20, "Metazoa", "scientific name"), (20, "metazoans", "genbank common name"), (30, "Chordata", "scientific name"),
    (40, "Actinopterygii", "scientific name"), (41, "Actinopteri", "scientific name"),
    (42, "Salmoniformes", "scientific name"), (43, "Salmonidae", "scientific name"),
    (44, "Salmo", "scientific name"), (44, "Salmo Linnaeus, 1758", "authority"), (44, "Trutta", "synonym"),
    (45, "Salmo trutta", "scientific name"), (45, "Salmo trutta Linnaeus, 1758", "authority"),
    (45, "brown trout", "genbank common name"), (45, "sea trout", "common name"), (45, "trouts", "blast name"),
    (45, "Fario trutta (Linnaeus, 1758)", "synonym"), (45, "Salmo sp. 7", "synonym"),
    (46, "Salmo trutta fario", "scientific name"),
    (50, "Testudines + Archosauria", "scientific name"), (51, "Testudines", "scientific name"),
    (52, "Testudinidae", "scientific name"), (53, "Testudo", "scientific name"),
    (54, "Testudo (Agrionemys)", "scientific name"),
    (55, "Testudo graeca group", "scientific name"), (56, "Testudo graeca", "scientific name"),
    (57, "Testudo sp. BOLD:AAA1234", "scientific name"), (60, "other sequences", "scientific name"),
)  # fmt: skip


def rows(table: tuple[tuple[object, ...], ...], *more: str) -> str:
    return "".join("\t|\t".join((*map(str, row), *more)) + "\t|\n" for row in table)


FILES = {
    "nodes.dmp": rows(NODES, "", "0", "1", "1", "1", "0", "0", "0", "0", ""),
    "names.dmp": "".join(f"{taxid}\t|\t{text}\t|\t\t|\t{kind}\t|\n" for taxid, text, kind in TEXTS),
    "merged.dmp": "12\t|\t45\t|\n",
}


def tarred(path: Path, files: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


PACKED: dict[str, Callable[[Path, Mapping[str, str]], Path]] = {
    "taxdump": folder_of, "taxdmp.zip": zipped, "taxdump.tar.gz": tarred
}  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("packed", PACKED)
def test_names_synonyms_authors_and_common_names(packed: str, database: Database, tmp_path: Path) -> None:
    path = PACKED[packed](tmp_path / packed, FILES)
    assert is_taxdump(path)
    checklist = opened(path, database)
    assert pl.read_parquet_schema(checklist.names) == NAMES
    found = names(checklist)
    assert lineage(found["45"]) == "Animalia Chordata Actinopterygii Salmoniformes Salmonidae Salmo trutta"
    assert (found["45"]["author"], found["44"]["author"]) == ("Linnaeus, 1758", "Linnaeus, 1758")
    assert lineage(found["56"]) == "Animalia Chordata Reptilia Testudines Testudinidae Testudo graeca"
    assert (found["54"]["name"], found["54"]["rank"], found["54"]["genus"]) == ("Agrionemys", "subgenus", "Testudo")
    assert (found["40"]["rank"], found["41"]["status"], found["41"]["accepted"]) == (
        "class",
        "synonym",
        "Actinopterygii",
    )
    synonyms = {
        row["name"]: (row["accepted"], row["rank"], row["author"])
        for row in found.values()
        if row["status"] == "synonym"
    }
    assert synonyms == {
        "Metazoa": ("Animalia", "kingdom", ""), "Actinopteri": ("Actinopterygii", "class", ""),
        "Trutta": ("Salmo", "genus", ""), "Fario trutta": ("Salmo trutta", "species", "(Linnaeus, 1758)"),
    }  # fmt: skip
    assert not {"1", "46", "50", "55", "57", "60"} & found.keys()
    assert checklist.vernaculars
    assert pl.read_parquet_schema(checklist.vernaculars) == VERNACULARS
    assert vernaculars(checklist) == [
        ("kingdom", "Animalia", "metazoans", "en"), ("species", "Salmo trutta", "brown trout", "en"),
        ("species", "Salmo trutta", "sea trout", "en"),
    ]  # fmt: skip
    counted, common = checklist.tables
    assert counted.left_out["of samples and others that have no scientific name"] == 2
    assert common.used == 3


def test_malformed_rows_are_named(database: Database, tmp_path: Path) -> None:
    broken = {
        **FILES,
        "nodes.dmp": FILES["nodes.dmp"] + "x\t|\t1\t|\tgenus\t|\n",
        "names.dmp": FILES["names.dmp"] + "99\n",
    }
    checklist = opened(folder_of(tmp_path / "taxdump", broken), database)
    assert lineage(names(checklist)["45"]).startswith("Animalia")
    remarks = " ".join(checklist.tables[0].remarks)
    assert f"malformed rows of nodes.dmp: 1, the first: line {len(NODES) + 1} of nodes.dmp has no taxid" in remarks
    assert f"malformed rows of names.dmp: 1, the first: line {len(TEXTS) + 1} of names.dmp" in remarks


def test_a_circle_of_parents_and_a_missing_one_end(database: Database, tmp_path: Path) -> None:
    odd = ((1, 1, "no rank"), (2, 3, "family"), (3, 2, "genus"), (4, 5, "genus"))
    texts = "".join(
        f"{n}\t|\t{name}\t|\t\t|\tscientific name\t|\n" for n, name in enumerate(("root", "Ab", "Bc", "Cd"), 1)
    )
    with pytest.raises(InputError, match=r"checklists\.list"):
        opened(folder_of(tmp_path / "taxdump", {"nodes.dmp": rows(odd), "names.dmp": texts}), database)


def test_what_is_none_is_told_apart(tmp_path: Path) -> None:
    assert not is_taxdump(zipped(tmp_path / "a.zip", {"NameUsage.tsv": ""}))
    assert not is_taxdump(tarred(tmp_path / "a.tar.gz", {"nodes.dmp": ""}))
    assert not is_taxdump(folder_of(tmp_path / "folder", {"names.dmp": ""}))
    assert not is_taxdump(tmp_path / "missing")
