"""Names are settled by evidence, never by the order of a file."""

from __future__ import annotations

import polars as pl
import pytest

from treeoflife.core.values import RANKS
from treeoflife.taxonomy.resolving.resolve import index_records, resolve

GANNET = ("Animalia", "Chordata", "Aves", "Suliformes", "Sulidae", "Morus", "bassanus")
MULBERRY = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")


def records(*rows: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(RANKS, pl.String), orient="row")


def evidence(origin: str = "source", context: str = "", **ranks: str) -> pl.DataFrame:
    row = {rank: ranks.get(rank, "") for rank in RANKS} | {"context": context, "origin": origin, "number": 0}
    return pl.DataFrame([row], schema_overrides={"number": pl.UInt32})


def resolve_row(
    row: pl.DataFrame, *, genus_alone: bool = False, **records_by_authority: pl.DataFrame
) -> dict[str, object]:
    rows, findings = resolve(row, index_records(records_by_authority, genus_alone=genus_alone))
    return rows.row(0, named=True) | {"kinds": set(findings["kind"])}


@pytest.mark.parametrize("kingdom", ["Animalia", "Plantae"])
def test_a_genus_of_two_kingdoms_is_settled_by_the_kingdom(kingdom: str) -> None:
    resolved = resolve_row(evidence(kingdom=kingdom, genus="Morus", species="nova"), itis=records(GANNET, MULBERRY))
    assert resolved["family"] == {"Animalia": "Sulidae", "Plantae": "Moraceae"}[kingdom]
    assert resolved["family_from"] == "itis:genus"


def test_a_genus_of_two_kingdoms_without_evidence_is_left_and_reported() -> None:
    resolved = resolve_row(
        evidence(genus="Morus", species="nova"), genus_alone=True, itis=records(GANNET), resolved=records(MULBERRY)
    )
    assert resolved["kingdom"] == ""
    assert resolved["ambiguous"]
    assert resolved["kinds"] == {"ambiguous"}


def test_a_genus_alone_is_not_enough_even_if_one_kingdom_is_all_that_is_known() -> None:
    resolved = resolve_row(evidence(genus="Morus", species="nova"), itis=records(GANNET))
    assert resolved["kingdom"] == ""
    assert resolved["kinds"] == {"genus-alone"}


def test_a_species_is_evidence_enough() -> None:
    assert resolve_row(evidence(genus="Morus", species="alba"), itis=records(GANNET, MULBERRY))["kingdom"] == "Plantae"


def test_a_record_of_another_kingdom_fills_nothing_and_is_reported() -> None:
    resolved = resolve_row(evidence(kingdom="Plantae", genus="Morus", species="nova"), itis=records(GANNET))
    assert (resolved["family"], resolved["kinds"]) == ("", {"contradiction"})


def test_what_the_source_says_is_never_overwritten() -> None:
    snake = evidence(kingdom="Animalia", **{"class": "Squamata"}, family="Colubridae", genus="Natrix", species="natrix")
    resolved = resolve_row(
        snake, itis=records(("Animalia", "Chordata", "Reptilia", "Squamata", "Colubridae", "Natrix", "natrix"))
    )
    assert (resolved["class"], resolved["order"], resolved["kinds"]) == ("Squamata", "", {"contradiction"})


def test_a_synonym_is_no_contradiction() -> None:
    daisy = evidence(kingdom="Plantae", family="Compositae", genus="Bellis", species="perennis")
    resolved = resolve_row(
        daisy, itis=records(("Plantae", "", "Magnoliopsida", "Asterales", "Asteraceae", "Bellis", "perennis"))
    )
    assert (resolved["order"], resolved["family"]) == ("Asterales", "Compositae")


def test_a_genus_of_two_families_is_filled_down_to_what_they_share() -> None:
    first = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    second = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Carabidae", "Aus", "cus")
    resolved = resolve_row(
        evidence(kingdom="Animalia", genus="Aus", species="dus"), itis=records(first), eol=records(second)
    )
    assert (resolved["class"], resolved["order"], resolved["family"]) == ("Insecta", "", "")
    assert resolved["ambiguous"]


def test_what_one_of_two_namesakes_alone_has_is_not_shared() -> None:
    first = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    second = ("Animalia", "Arthropoda", "Insecta", "", "Carabidae", "Aus", "cus")
    assert (
        resolve_row(evidence(kingdom="Animalia", genus="Aus", species="dus"), itis=records(first, second))["order"]
        == ""
    )


def test_the_first_authority_that_knows_the_species_is_taken_at_its_word() -> None:
    itis = ("Plantae", "", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")
    other = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Rosaceae", "Rosa", "canina")
    assert (
        resolve_row(evidence(genus="Morus", species="alba"), itis=records(itis), resolved=records(other))["phylum"]
        == ""
    )
    unknown = evidence(kingdom="Plantae", **{"class": "Magnoliopsida"}, genus="Novus", species="novus")
    assert resolve_row(unknown, itis=records(itis), resolved=records(other))["phylum"] == "Tracheophyta"


def test_a_kingdom_from_context_supports_a_genus_and_is_not_itself_filled() -> None:
    resolved = resolve_row(evidence(context="Animalia", genus="Morus", species="nova"), eol=records(GANNET, MULBERRY))
    assert (resolved["family"], resolved["kingdom"], resolved["kingdom_from"]) == ("Sulidae", "Animalia", "eol:genus")


def test_the_order_of_rows_changes_nothing() -> None:
    row = evidence(kingdom="Animalia", genus="Morus", species="nova")
    assert resolve_row(row, itis=records(GANNET, MULBERRY)) == resolve_row(row, itis=records(MULBERRY, GANNET))
