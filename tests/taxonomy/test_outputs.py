"""The published files of names agree with the captions, the marks and the plan."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core.values import RANKS, Taxon
from treeoflife.selection import marks
from treeoflife.selection.decide import name_images
from treeoflife.shards.captions import compose_texts
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy import outputs

text = st.one_of(st.just(""), st.text("aéßŉ×-. ALÉ", max_size=6).map(str.strip))
named_taxa = st.lists(st.tuples(st.builds(Taxon, *(text for _ in RANKS)), text), min_size=1, max_size=8)


def names_table(named: list[tuple[Taxon, str]]) -> pl.DataFrame:
    rows = [("eol", str(page), *taxon, common) for page, (taxon, common) in enumerate(named)]
    return pl.DataFrame(rows, schema=["source", "name_key", *RANKS, "common"], orient="row")


def in_predicted_catalog(named: list[tuple[Taxon, str]]) -> list[str]:
    ids = [f"{page:04d}" for page in range(len(named))]
    images = pl.DataFrame({"content_id": range(len(ids)), "page_id": range(len(ids)), "treeoflife_id": ids})
    splits = images.select("treeoflife_id", is_val=pl.lit(value=False), is_train_small=pl.lit(value=False))
    names, marking = outputs.number_classes(names_table(named), marks.table({}))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "predicted-catalog.csv"
        source = load_source("eol", {"path": folder}, Path(folder))
        outputs.write_predicted_catalog(path, names, splits, [(source, images)], marking)
        return pl.read_csv(path, infer_schema=False)["common"].fill_null("").to_list()


def in_marks(named: list[tuple[Taxon, str]]) -> list[str]:
    rows = [dict(zip(RANKS, taxon, strict=True)) | {"common": common, "note": ""} for taxon, common in named]
    keyed = {str(n): row | {"treeoflife_id": str(n), "verdict": "relabel"} for n, row in enumerate(rows)}
    return marks.table(keyed)["common"].to_list()


def in_plan(named: list[tuple[Taxon, str]]) -> list[str]:
    _, distinct = name_images([], names_table(named), marks.table({}))
    return distinct["common"].to_list()


@given(named_taxa)
@settings(max_examples=60, deadline=None)
def test_captions_marks_plan_and_predicted_catalog_give_a_taxon_the_same_common_name(
    named: list[tuple[Taxon, str]],
) -> None:
    in_captions = [compose_texts(taxon, common)["common_name.txt"] for taxon, common in named]
    assert in_predicted_catalog(named) == in_captions
    assert in_marks(named) == in_captions
    # The plan has one row for each distinct name, and none for an image without any rank.
    assert in_plan(named) == [compose_texts(*one)["common_name.txt"] for one in dict.fromkeys(named) if any(one[0])]
