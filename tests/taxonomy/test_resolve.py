"""Names are settled by evidence, never by the order of a file."""

from __future__ import annotations

import polars as pl
import pytest

from treeoflife.core.values import RANKS
from treeoflife.taxonomy.resolve import know, resolve

GANNET = ("Animalia", "Chordata", "Aves", "Suliformes", "Sulidae", "Morus", "bassanus")
MULBERRY = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")


def records(*rows: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(RANKS, pl.String), orient="row")


def evidence(origin: str = "source", context: str = "", **ranks: str) -> pl.DataFrame:
    row = {rank: ranks.get(rank, "") for rank in RANKS} | {"context": context, "origin": origin, "number": 0}
    return pl.DataFrame([row], schema_overrides={"number": pl.UInt32})


def answer(row: pl.DataFrame, *, genus_alone: bool = False, **known: pl.DataFrame) -> dict[str, object]:
    rows, findings = resolve(row, know(known, genus_alone=genus_alone))
    return rows.row(0, named=True) | {"kinds": set(findings["kind"])}


@pytest.mark.parametrize("kingdom", ["Animalia", "Plantae"])
def test_a_genus_of_two_kingdoms_is_settled_by_the_kingdom(kingdom: str) -> None:
    found = answer(evidence(kingdom=kingdom, genus="Morus", species="nova"), itis=records(GANNET, MULBERRY))
    assert found["family"] == {"Animalia": "Sulidae", "Plantae": "Moraceae"}[kingdom]
    assert found["family_from"] == "itis:genus"


def test_a_genus_of_two_kingdoms_without_evidence_is_left_and_reported() -> None:
    found = answer(
        evidence(genus="Morus", species="nova"), genus_alone=True, itis=records(GANNET), resolved=records(MULBERRY)
    )
    assert found["kingdom"] == ""
    assert found["ambiguous"]
    assert found["kinds"] == {"ambiguous"}


def test_a_genus_alone_is_not_enough_even_if_one_kingdom_is_all_that_is_known() -> None:
    found = answer(evidence(genus="Morus", species="nova"), itis=records(GANNET))
    assert found["kingdom"] == ""
    assert found["kinds"] == {"genus-alone"}


def test_a_species_is_evidence_enough() -> None:
    assert answer(evidence(genus="Morus", species="alba"), itis=records(GANNET, MULBERRY))["kingdom"] == "Plantae"


def test_a_record_of_another_kingdom_fills_nothing_and_is_reported() -> None:
    found = answer(evidence(kingdom="Plantae", genus="Morus", species="nova"), itis=records(GANNET))
    assert (found["family"], found["kinds"]) == ("", {"contradiction"})


def test_what_the_source_says_is_never_overwritten() -> None:
    snake = evidence(kingdom="Animalia", **{"class": "Squamata"}, family="Colubridae", genus="Natrix", species="natrix")
    found = answer(
        snake, itis=records(("Animalia", "Chordata", "Reptilia", "Squamata", "Colubridae", "Natrix", "natrix"))
    )
    assert (found["class"], found["order"], found["kinds"]) == ("Squamata", "", {"contradiction"})


def test_a_synonym_is_no_contradiction() -> None:
    daisy = evidence(kingdom="Plantae", family="Compositae", genus="Bellis", species="perennis")
    found = answer(
        daisy, itis=records(("Plantae", "", "Magnoliopsida", "Asterales", "Asteraceae", "Bellis", "perennis"))
    )
    assert (found["order"], found["family"]) == ("Asterales", "Compositae")


def test_a_genus_of_two_families_is_filled_down_to_what_they_share() -> None:
    first = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    second = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Carabidae", "Aus", "cus")
    found = answer(evidence(kingdom="Animalia", genus="Aus", species="dus"), itis=records(first), eol=records(second))
    assert (found["class"], found["order"], found["family"]) == ("Insecta", "", "")
    assert found["ambiguous"]


def test_what_one_of_two_namesakes_alone_has_is_not_shared() -> None:
    first = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    second = ("Animalia", "Arthropoda", "Insecta", "", "Carabidae", "Aus", "cus")
    assert answer(evidence(kingdom="Animalia", genus="Aus", species="dus"), itis=records(first, second))["order"] == ""


def test_the_first_authority_that_knows_the_species_is_taken_at_its_word() -> None:
    itis = ("Plantae", "", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")
    other = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Rosaceae", "Rosa", "canina")
    assert answer(evidence(genus="Morus", species="alba"), itis=records(itis), resolved=records(other))["phylum"] == ""
    unknown = evidence(kingdom="Plantae", **{"class": "Magnoliopsida"}, genus="Novus", species="novus")
    assert answer(unknown, itis=records(itis), resolved=records(other))["phylum"] == "Tracheophyta"


def test_a_kingdom_from_context_supports_a_genus_and_is_not_itself_filled() -> None:
    found = answer(evidence(context="Animalia", genus="Morus", species="nova"), eol=records(GANNET, MULBERRY))
    assert (found["family"], found["kingdom"], found["kingdom_from"]) == ("Sulidae", "Animalia", "eol:genus")


def test_the_order_of_rows_changes_nothing() -> None:
    row = evidence(kingdom="Animalia", genus="Morus", species="nova")
    assert answer(row, itis=records(GANNET, MULBERRY)) == answer(row, itis=records(MULBERRY, GANNET))
