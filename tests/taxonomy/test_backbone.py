"""Every taxon of a dataset has one lineage, and whoever gave another is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.config.tables import Names
from treeoflife.core.values import RANKS
from treeoflife.errors import ConfigError
from treeoflife.taxonomy.expressions import UPPER
from treeoflife.taxonomy.one_lineage.backbone import choose_backbone, one_classification
from treeoflife.taxonomy.one_lineage.disputes import find_disputes
from treeoflife.taxonomy.one_lineage.same_taxon import label_taxa
from treeoflife.taxonomy.resolving.record_index import LOOKUP_RANKS, index_records, ranks_above
from treeoflife.taxonomy.resolving.resolve import resolve

Lineage = tuple[str, ...]

GECKO = ("Animalia", "Chordata", "Reptilia", "Squamata", "Gekkonidae", "Gekko", "gecko")
LEPIDOSAUR = ("Animalia", "Chordata", "Lepidosauria", *GECKO[3:])
PLANT = ("Plantae", "Ochrophyta", "Phaeophyceae", "Fucales", "Fucaceae", "Fucus", "vesiculosus")
CHROMIST = ("Chromista", *PLANT[1:])
GANNET = ("Animalia", "Chordata", "Aves", "Suliformes", "Sulidae", "Morus", "bassanus")
MULBERRY = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")


class Row(NamedTuple):
    """The label of some images of a source."""

    lineage: Lineage
    source: str = "photos"
    images: int = 1


class Result(NamedTuple):
    """The lineages in the order of the rows, who gave their ranks, the findings and what is not settled."""

    lineages: list[Lineage]
    givers: list[Lineage]
    findings: pl.DataFrame
    unsettled: pl.DataFrame


def records(*rows: Lineage) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(RANKS, pl.String), orient="row")


def unify(rows: Sequence[Row | Lineage], backbone: str = "col", **authorities: Sequence[Lineage]) -> Result:
    """The rows as they are resolved with the authorities, and brought to one classification."""
    labels = [row if isinstance(row, Row) else Row(row) for row in rows]
    columns = {"source": [row.source for row in labels], "keys": [row.images for row in labels]}
    evidence = records(*(row.lineage for row in labels)).hstack(
        pl.DataFrame(columns, schema_overrides={"keys": pl.UInt32})
    )
    evidence = evidence.with_row_index("number").with_columns(
        context=pl.lit(""), origin="source", name_key=pl.format("key{}", "number")
    )
    index = index_records({name: records(*lineages) for name, lineages in authorities.items()})
    resolved, unsettled = resolve(evidence.select("number", *RANKS, "context", "origin"), index)
    unified, unsettled = one_classification(resolved, unsettled, evidence, index, backbone)
    findings = find_disputes(resolved, unified, evidence, index)
    assert unified["number"].to_list() == list(range(len(labels)))
    givers = [f"{rank}_from" for rank in RANKS]
    return Result(unified.select(RANKS).rows(), unified.select(givers).rows(), findings, unsettled)


def test_the_backbone_decides_for_all_images_of_a_species() -> None:
    result = unify([Row(GECKO, "eol", 3), Row(LEPIDOSAUR, "inat")], itis=[GECKO], col=[LEPIDOSAUR])
    assert result.lineages == [LEPIDOSAUR, LEPIDOSAUR]
    assert result.givers == [("eol", "eol", "backbone:col", *["eol"] * 4), ("inat",) * 7]
    assert result.findings.to_dicts() == [
        {
            "kind": "classification", "source": "eol", "name_key": "key0", "keys": 4, "rank": "species",
            "value": "Gekko gecko",
            "detail": "eol: class Reptilia; inat: class Lepidosauria; itis: class Reptilia; "
            "taken: class Lepidosauria, by col",
        }
    ]  # fmt: skip


def test_without_a_backbone_everything_stays() -> None:
    assert unify([GECKO, LEPIDOSAUR], backbone="", col=[GECKO]).lineages == [GECKO, LEPIDOSAUR]


def test_who_is_not_in_conflict_is_not_corrected() -> None:
    result = unify([GECKO, GECKO], col=[LEPIDOSAUR])
    assert result.lineages == [GECKO, GECKO]
    detail = "col: class Lepidosauria; photos: class Reptilia; taken: class Reptilia, by photos"
    assert result.findings["detail"].to_list() == [detail]


def test_nothing_is_reported_where_all_agree() -> None:
    assert unify([GECKO, GECKO, MULBERRY], col=[GECKO], itis=[GECKO, (*GANNET[:6], "alba")]).findings.is_empty()


def test_authorities_that_disagree_about_names_alone_are_reported_too() -> None:
    result = unify([("", "", "", "", "", "Gekko", "gecko")], itis=[GECKO], col=[LEPIDOSAUR])
    assert result.lineages == [GECKO]
    assert result.findings["detail"].to_list() == [
        "col: class Lepidosauria; itis: class Reptilia; taken: class Reptilia, by itis"
    ]


def test_two_authorities_that_disagree_about_100_species_are_reported_100_times() -> None:
    own = [
        ("Animalia", "Chordata", "Reptilia", f"Order{n % 7}", f"Family{n % 20}", f"Genus{n}", "bus") for n in range(100)
    ]
    other = [(*lineage[:2], f"Class{n % 3}", *lineage[3:]) for n, lineage in enumerate(own)]
    rows = [Row(lineage, "a") for lineage in own] + [Row(lineage, "b") for lineage in other]
    result = unify(rows, "itis", itis=own, inaturalist=other)
    assert result.lineages == [*own, *own]
    assert sorted(result.findings["value"]) == sorted(f"Genus{n} bus" for n in range(100))
    assert set(result.findings["kind"]) == {"classification"}


def test_a_backbone_that_knows_only_the_genus_or_the_order_decides_for_its_species() -> None:
    for known in ((*GECKO[:6], ""), (*GECKO[:4], "", "", "")):
        assert unify([GECKO, LEPIDOSAUR], itis=[LEPIDOSAUR], col=[known]).lineages == [GECKO, GECKO]


def test_a_family_on_which_all_agree_stays_whatever_the_backbone_says_of_it() -> None:
    other_family = (*GECKO[:4], "Phyllodactylidae", *GECKO[5:])
    assert unify([GECKO, LEPIDOSAUR], col=[other_family]).lineages == [GECKO, GECKO]


def test_a_species_has_one_lineage_even_if_its_family_alone_would_have_two() -> None:
    """All of the family's names above differ, so it might be two families; the species says that it is one."""
    other = ("Chromista", "Other phylum", "Otherclass", "Otherales", *PLANT[4:])
    assert unify([PLANT, other], col=[other]).lineages == [other, other]


def test_what_the_backbone_does_not_know_the_most_trusted_authority_decides() -> None:
    result = unify([Row(LEPIDOSAUR, images=9), GECKO], resolved=[GECKO], itis=[LEPIDOSAUR], col=[MULBERRY])
    assert result.lineages == [GECKO, GECKO]


def test_what_no_authority_knows_most_images_decide_and_then_the_alphabet() -> None:
    assert unify([Row(GECKO, images=2), LEPIDOSAUR]).lineages == [GECKO, GECKO]
    assert unify([GECKO, LEPIDOSAUR]).lineages == [LEPIDOSAUR, LEPIDOSAUR]


def test_an_order_has_one_class_even_if_each_of_its_species_has() -> None:
    snake = (*GECKO[:4], "Colubridae", "Natrix", "natrix")
    result = unify([LEPIDOSAUR, snake], col=[(*GECKO[:4], "", "", "")])
    assert result.lineages == [GECKO, snake]
    assert result.findings["value"].to_list() == ["Gekko gecko"]


def test_homonyms_of_two_kingdoms_both_stay() -> None:
    result = unify([GANNET, MULBERRY, (*GANNET[:6], "alba")], col=[MULBERRY])
    assert result.lineages == [GANNET, MULBERRY, (*GANNET[:6], "alba")]
    assert result.findings.is_empty()


def test_homonyms_within_a_kingdom_stay_if_nothing_below_it_is_the_same() -> None:
    fly = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    snail = ("Animalia", "Mollusca", "Gastropoda", "Stylommatophora", "Helicidae", "Aus", "cus")
    assert unify([fly, snail], col=[fly]).lineages == [fly, snail]
    assert unify([fly, (*snail[:6], "bus")], col=[fly]).lineages == [fly, fly], "a species has one lineage"


def test_each_row_goes_to_that_of_the_backbones_homonyms_with_which_it_agrees() -> None:
    fly = ("Animalia", "Arthropoda", "Insecta", "Diptera", "Asilidae", "Aus", "bus")
    beetle = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Carabidae", "Aus", "cus")
    unknown = ("Animalia", "Arthropoda", "Insecta", "", "", "Aus", "dus")
    wrong = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Staphylinidae", "Aus", "eus")
    result = unify([fly, beetle, unknown, wrong], col=[fly, beetle])
    assert result.lineages == [fly, beetle, unknown, (*beetle[:6], "eus")]


def test_brown_algae_are_one_taxon_though_their_kingdoms_differ() -> None:
    other_alga = ("Plantae", "Ochrophyta", "Phaeophyceae", "Laminariales", "Laminariaceae", "Laminaria", "digitata")
    result = unify([PLANT, CHROMIST, other_alga], col=[CHROMIST])
    assert result.lineages == [CHROMIST, CHROMIST, ("Chromista", *other_alga[1:])]
    assert result.findings["value"].to_list() == ["Fucus vesiculosus", "Laminaria digitata"]


def test_holes_are_filled_without_a_finding() -> None:
    holes = ("Animalia", "", "", "Squamata", "", "Gekko", "gecko")
    result = unify([holes, Row(GECKO, "museum")], col=[])
    assert result.lineages == [GECKO, GECKO]
    assert result.givers[0][1:5] == ("backbone:museum", "backbone:museum", "photos", "backbone:museum")
    assert result.findings.is_empty()
    assert result.unsettled.is_empty()


def test_a_hole_of_the_backbone_is_filled_from_who_agrees_below_it() -> None:
    classless = (*GECKO[:2], "", *GECKO[3:])
    other_family = (*LEPIDOSAUR[:4], "Agamidae", *LEPIDOSAUR[5:])
    result = unify([GECKO, other_family], col=[classless])
    assert result.lineages == [GECKO, GECKO]


def test_a_genus_of_which_nothing_is_known_is_not_filled() -> None:
    alone = ("", "", "", "", "", "Morus", "")
    assert unify([alone, MULBERRY], col=[MULBERRY]).lineages == [alone, MULBERRY]


def test_a_species_of_which_nothing_is_known_is_filled_if_it_is_one_taxon() -> None:
    alone = ("", "", "", "", "", "Morus", "alba")
    assert unify([alone, MULBERRY]).lineages == [MULBERRY, MULBERRY]
    animal = (*GANNET[:6], "alba")
    assert unify([alone, MULBERRY, animal]).lineages == [alone, MULBERRY, animal]


def test_two_lineages_that_turn_out_to_be_of_one_genus_are_joined() -> None:
    """Both come to the same order only when families and orders are settled."""
    first = ("Animalia", "Chordata", "Aves", "Order", "Familia", "Aus", "bus")
    second = ("Animalia", "Mollusca", "Bivalvia", "Ordo", "Familiola", "Aus", "cus")
    backbone = ("Animalia", "Mollusca", "Bivalvia", "Order", "Familiola", "Dus", "dus")
    lineages = unify([first, second, backbone], col=[backbone]).lineages
    assert lineages[:2] == [
        ("Animalia", "Mollusca", "Bivalvia", "Order", "Familia", "Aus", name) for name in ("bus", "cus")
    ]


def test_the_backbone_is_the_first_checklist_or_the_built_in_taxonomy() -> None:
    index = index_records({"itis": records(GECKO)})
    assert choose_backbone(Names(), index, built_in=False) == ""
    assert choose_backbone(Names(), index, built_in=True) == "built_in"
    checklists = Names.model_validate({"checklists": {"worms": Path("w.zip"), "col": Path("c.zip")}})
    assert choose_backbone(checklists, index, built_in=True) == "worms"
    assert choose_backbone(Names(backbone="itis"), index, built_in=True) == "itis"
    assert choose_backbone(Names(backbone=""), index, built_in=True) == ""
    with pytest.raises(ConfigError, match='backbone = "inaturalist" is no authority of this dataset'):
        choose_backbone(Names(backbone="inaturalist"), index, built_in=True)


_NAMES = {rank: st.sampled_from(["", f"{rank}1", f"{rank}2", f"{rank}3"]) for rank in UPPER}
_LINEAGES = st.lists(st.tuples(*_NAMES.values(), st.sampled_from(["", "s1", "s2"])), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None)
@given(rows=_LINEAGES, col=_LINEAGES, itis=_LINEAGES, order=st.randoms(use_true_random=False))
def test_a_tree_comes_out_whatever_the_order_of_rows(
    rows: list[Lineage], col: list[Lineage], itis: list[Lineage], order: object
) -> None:
    result = unify(rows, itis=itis, col=col)
    assert_tree(result.lineages, backbone=col)
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    again = unify([rows[number] for number in shuffled], itis=itis[::-1], col=col[::-1])
    assert again.lineages == [result.lineages[number] for number in shuffled]
    assert all(row[5:] == new[5:] for row, new in zip(rows, result.lineages, strict=True)), "names stay"


def assert_tree(lineages: Sequence[Lineage], backbone: Sequence[Lineage]) -> None:
    """No name of a taxon that the backbone has once is under two lineages."""
    frame = records(*lineages).with_columns(context=pl.lit(""))
    for rank in LOOKUP_RANKS:
        name, above = (["genus", "species"] if rank == "species" else [rank]), [*ranks_above(rank)]
        named = frame.filter(pl.all_horizontal(pl.col(column) != "" for column in name))
        if rank == "genus":
            named = named.filter(pl.any_horizontal(pl.col(upper) != "" for upper in above))
        places = named.select(*name, *above, "context").unique().sort(*name, *above)
        if rank not in ("species", "phylum"):
            twice = records(*backbone).select(*name, *above).unique().filter(pl.len().over(name) > 1)
            places = places.join(twice.select(name).unique(), on=name, how="anti", maintain_order="left")
        places = places.with_columns(node=pl.struct(name).rle_id(), place=pl.int_range(pl.len()))
        assert label_taxa(places, rank, above).n_unique() == places.height, (rank, places)
