"""Real homonyms, across and within kingdoms: none gets a wrong parent, and unresolved ones are reported."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from treeoflife.core.values import RANKS
from treeoflife.taxonomy.resolving.evidence import rank_uninomials
from treeoflife.taxonomy.resolving.evidence_columns import conform
from treeoflife.taxonomy.resolving.resolve import RecordIndex, index_records, resolve

Lineage = tuple[str, ...]


class Case(NamedTuple):
    genus: str
    right: Lineage
    other: Lineage


def cases() -> list[Case]:
    with Path(__file__).with_name("homonyms.csv").open(newline="") as fd:
        pairs = [(row["genus"], row["first"].split(), row["second"].split()) for row in csv.DictReader(fd)]
    full = [(genus, (*one[:5], genus, one[5]), (*two[:5], genus, two[5])) for genus, one, two in pairs]
    return [Case(genus, *pair) for genus, one, two in full for pair in ((one, two), (two, one))]


CASES = cases()
ACROSS = [case for case in CASES if case.right[0] != case.other[0]]


def records(*rows: Lineage) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(RANKS, pl.String), orient="row")


def evidence(rows: list[Lineage]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(RANKS, pl.String), orient="row")
    return frame.with_row_index("number").with_columns(context=pl.lit(""), origin=pl.lit("source"))


def only(lineage: Lineage, *ranks: str, species: str = "") -> Lineage:
    return (*(value if rank in ranks else "" for rank, value in zip(RANKS[:-1], lineage, strict=False)), species)


def everything() -> RecordIndex:
    return index_records({"itis": records(*(case.right for case in CASES))})


def wrong(rows: pl.DataFrame, cases: list[Case]) -> list[tuple[str, Lineage]]:
    """Cases where a filled rank is not the right one."""
    got = list(rows.select(RANKS).iter_rows())
    return [
        (c.genus, g)
        for c, g in zip(cases, got, strict=True)
        if any(a not in ("", b) for a, b in zip(g[:6], c.right, strict=False))
    ]


def test_there_are_at_least_sixty() -> None:
    assert len({case.genus for case in CASES}) >= 60


@pytest.mark.parametrize("rank", ["kingdom", "phylum", "class", "order", "family"])
@pytest.mark.parametrize("also", [(), ("kingdom",)])
def test_one_rank_of_evidence_never_leads_to_a_wrong_parent(rank: str, also: tuple[str, ...]) -> None:
    rows = [only(case.right, rank, *also, "genus", species="nova") for case in CASES]
    resolved, findings = resolve(evidence(rows), everything())
    assert wrong(resolved, CASES) == []
    unfilled = resolved.filter(pl.any_horizontal(pl.col(each) == "" for each in RANKS[:-1]))["number"]
    assert set(unfilled) <= set(findings["number"])


def test_a_kingdom_settles_every_homonym_of_two_kingdoms() -> None:
    resolved, _ = resolve(
        evidence([only(case.right, "kingdom", "genus", species="nova") for case in ACROSS]), everything()
    )
    assert [row[:6] for row in resolved.select(RANKS).iter_rows()] == [case.right[:6] for case in ACROSS]


def test_a_species_that_an_authority_knows_settles_every_homonym() -> None:
    resolved, _ = resolve(evidence([only(case.right, "genus", species=case.right[6]) for case in CASES]), everything())
    assert [tuple(row) for row in resolved.select(RANKS).iter_rows()] == [case.right for case in CASES]


@pytest.mark.parametrize("known", ["both", "the namesake alone"])
def test_a_genus_without_evidence_is_left_and_reported(known: str) -> None:
    for case in CASES:
        rows = (case.right, case.other) if known == "both" else (case.other,)
        resolved, findings = resolve(
            evidence([only(case.right, "genus", species="nova")]), index_records({"itis": records(*rows)})
        )
        assert wrong(resolved, [case]) == []
        assert resolved["kingdom"].to_list() == [""]
        assert len(findings) == 1


def test_a_namesake_of_another_kingdom_fills_nothing_where_it_alone_is_known() -> None:
    for case in ACROSS:
        row = only(case.right, "kingdom", "genus", species="nova")
        resolved, findings = resolve(evidence([row]), index_records({"itis": records(case.other)}))
        assert list(resolved.select(RANKS).row(0)) == list(row)
        assert findings["kind"].to_list() == ["contradiction"]


@pytest.mark.parametrize("species", [True, False])
def test_two_authorities_that_know_one_namesake_each_are_not_settled_by_their_order(species: bool) -> None:
    for case in ACROSS:
        right, other = (*case.right[:6], "communis"), (*case.other[:6], "communis")
        row = only(case.right, "genus", species="communis" if species else "nova")
        resolved, findings = resolve(evidence([row]), index_records({"itis": records(other), "eol": records(right)}))
        assert resolved["kingdom"].to_list() == [""]
        assert len(findings) > 0


@pytest.mark.parametrize(
    ("word", "lineages"),
    [
        ("Diplura", [("Animalia", "Arthropoda", "Diplura", "Rhabdura", "Campodeidae", "Campodea", "staphylinus"),
                     ("Animalia", "Arthropoda", "Arachnida", "Araneae", "Dipluridae", "Diplura", "lineata")]),
        ("Actinobacteria", [("Bacteria", "Actinobacteria", "Actinobacteria", "Micrococcales", "Micrococcaceae",
                             "Arthrobacter", "luteus")]),
        ("Collembola", [("Animalia", "Arthropoda", "Collembola", "Collembola", "Isotomidae", "Isotoma", "viridis")]),
    ],
)  # fmt: skip
def test_a_word_that_is_used_at_two_ranks_gets_none_and_is_reported(word: str, lineages: list[Lineage]) -> None:
    index = index_records({"itis": records(*lineages)})
    row = conform(pl.DataFrame({"source": ["folder"], "name_key": ["1"], "uninomial": [word]}))
    ranked, several_ranks = rank_uninomials(row, index.tables)
    assert ranked.select(RANKS).row(0) == ("",) * 7
    assert several_ranks["uninomial"].to_list() == [word]


def test_a_class_is_not_taken_for_the_genus_of_its_name() -> None:
    spider = ("Animalia", "Arthropoda", "Arachnida", "Araneae", "Dipluridae", "Diplura", "lineata")
    resolved, _ = resolve(evidence([("", "", "Diplura", "", "", "", "")]), index_records({"itis": records(spider)}))
    assert resolved["phylum"].to_list() == [""]
