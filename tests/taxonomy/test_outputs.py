"""The published files of names agree with the captions, the marks and each other."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core.database import Database, open_database
from treeoflife.core.values import NAME_COLUMNS, RANKS, Taxon
from treeoflife.mapping.images import open_images
from treeoflife.selection import marks
from treeoflife.shards.captions import compose_texts
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy import outputs

text = st.one_of(st.just(""), st.text("aéßŉ×-. ALÉ", max_size=6).map(str.strip))
named_taxa = st.lists(st.tuples(st.builds(Taxon, *(text for _ in RANKS)), text), min_size=1, max_size=8)
Named = list[tuple[Taxon, str]]


def names_table(named: Named) -> pl.DataFrame:
    return pl.DataFrame([(*taxon, common) for taxon, common in named], schema=NAME_COLUMNS, orient="row").cast(
        pl.String
    )


@contextmanager
def images(
    named: Named, flags: list[tuple[bool | None, bool | None]] | None = None
) -> Iterator[tuple[Database, Source, Path]]:
    """A database with an image of each name, on a page of its own; all of them are train, unless flags are given."""
    with TemporaryDirectory() as folder, open_database(Path(folder, "scratch"), 1) as database:
        source, numbers = load_source("eol", {"path": folder}, Path(folder)), range(len(named))
        is_val, is_small = zip(*(flags or [(False, False)] * len(named)), strict=True)
        mapping = {"treeoflife_id": [f"{page:04d}" for page in numbers], "eol_content_id": numbers}
        split = {"is_val": is_val, "is_train_small": is_small, "eol_page_id": numbers}
        pl.DataFrame(mapping | split).with_columns(source=pl.lit("eol")).write_parquet(Path(folder, "mapping.parquet"))
        open_images(database, Path(folder, "mapping.parquet"), [source])
        keyed = pl.DataFrame(
            {"name_key": list(map(str, numbers)), "evidence": numbers}, schema_overrides={"evidence": pl.UInt32}
        )
        database.load("keyed", keyed.with_columns(source=pl.lit("eol")))
        yield database, source, Path(folder)


def predicted_catalog(
    named: Named, marked: marks.Marks, flags: list[tuple[bool | None, bool | None]] | None = None
) -> list[dict[str, str]]:
    with images(named, flags) as (database, source, folder):
        marks.load_marks(database, marked)
        names, of_marks = outputs.number_classes(names_table(named), database.frame("FROM mark ORDER BY treeoflife_id"))
        outputs.write_predicted_catalog(folder / "predicted-catalog.csv", database, [source], names, of_marks)
        with (folder / "predicted-catalog.csv").open(newline="") as fd:
            return list(csv.DictReader(fd))


def lookup(named: Named) -> dict[str, Any]:
    with images(named) as (database, source, folder):
        names, _ = outputs.number_classes(names_table(named), names_table([]))
        outputs.write_lookup(folder / "eol_name_lookup.json", database, source, names)
        content: dict[str, Any] = json.loads((folder / "eol_name_lookup.json").read_text())
        return content


def relabelled(named: Named) -> marks.Marks:
    rows = [dict(zip(RANKS, taxon, strict=True)) | {"common": common, "note": ""} for taxon, common in named]
    return marks.Marks(
        {f"{n:04d}": row | {"treeoflife_id": f"{n:04d}", "verdict": "relabel"} for n, row in enumerate(rows)}
    )


@given(named_taxa)
@settings(max_examples=60, deadline=None)
def test_captions_marks_and_predicted_catalog_give_a_taxon_the_same_common_name(named: Named) -> None:
    in_captions = [compose_texts(taxon, common)["common_name.txt"] for taxon, common in named]
    assert [row["common"] for row in predicted_catalog(named, marks.Marks({}))] == in_captions
    others = [(Taxon(genus="Other"), "")] * len(named)
    assert [row["common"] for row in predicted_catalog(others, relabelled(named))] == in_captions


@given(named_taxa)
@settings(max_examples=60, deadline=None)
def test_a_lookup_has_each_name_as_it_is_with_the_positions_of_its_lineages(named: Named) -> None:
    lineages = [sorted({taxon[:depth] for taxon, _ in named}) for depth in range(1, len(RANKS) + 1)]
    assert lookup(named) == {
        str(page): [list(taxon), common, [lineages[depth].index(taxon[: depth + 1]) for depth in range(len(RANKS))]]
        for page, (taxon, common) in enumerate(named)
    }


def test_names_with_quotation_marks_and_control_characters_are_whole_in_lookups_and_catalog() -> None:
    awkward = 'a "b", \\ \t\x1f\x7f\u2028é'
    assert lookup([(Taxon(genus=awkward), awkward)])["0"][:2] == [["", "", "", "", "", awkward, ""], awkward]
    (row,) = predicted_catalog([(Taxon(genus=awkward), awkward)], marks.Marks({}))
    assert (row["genus"], row["common"]) == (awkward, awkward)


def test_a_lookup_without_keys_is_an_empty_object() -> None:
    with images([(Taxon(), "")]) as (database, source, folder):
        database.load("keyed", pl.DataFrame(schema={"source": pl.String, "name_key": pl.String, "evidence": pl.UInt32}))
        outputs.write_lookup(folder / "x.json", database, source, names_table([(Taxon(), "")]).with_columns(
            pl.lit(0).alias(column) for column in outputs.CLASSES
        ))  # fmt: skip
        assert (folder / "x.json").read_text() == "{}\n"


def test_predicted_catalog_has_a_row_per_split_and_obeys_marks() -> None:
    named = [(Taxon(genus=genus), "") for genus in ("Aus", "Bus", "Cus", "Dus", "Eus")]
    flags = [(False, False), (True, False), (False, True), (None, None), (False, True)]
    renamed = relabelled([(Taxon(genus="Zus"), "")] * 5).by_key
    drop = {"0000": {"treeoflife_id": "0000", "verdict": "drop", "note": "no animal"}}
    rows = predicted_catalog(named, marks.Marks({**renamed, **drop}), flags)
    assert [(row["split"], row["eol_page_id"], row["genus"]) for row in rows] == [
        ("val", "1", "Zus"), ("train", "2", "Zus"), ("train_small", "2", "Zus"), ("train", "4", "Zus"),
        ("train_small", "4", "Zus"),
    ]  # fmt: skip
    assert {row["class_index"] for row in rows} == {"[0, 0, 0, 0, 0, 5, 5]"}


def test_the_position_of_a_lineage_counts_those_of_marks() -> None:
    rows = predicted_catalog(
        [(Taxon(genus="Bus"), ""), (Taxon(genus="Cus"), "")], relabelled([(Taxon(genus="Aus"), "")])
    )
    assert [(row["genus"], row["class_index"]) for row in rows] == [
        ("Aus", "[0, 0, 0, 0, 0, 0, 0]"), ("Cus", "[0, 0, 0, 0, 0, 2, 2]"),
    ]  # fmt: skip
