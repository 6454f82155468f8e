"""Names of any rank: a word is a genus only if an authority knows it as one, or its label says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from named_labels import evidence_of, lineage, name_labels, row, write_checklist

from treeoflife.taxonomy.checklists.checklist import Checklist

APIDAE = "Animalia Arthropoda Insecta Hymenoptera Apidae"


@pytest.fixture
def bees(tmp_path: Path) -> Checklist:
    rows = [
        row("family", "Apidae", APIDAE),
        row("subfamily", "Apinae", APIDAE),
        row("tribe", "Apini", APIDAE),
        row("genus", "Bombus", f"{APIDAE} Bombus"),
        row("subgenus", "Bombus", f"{APIDAE} Bombus"),
        row("subgenus", "Pyrobombus", f"{APIDAE} Bombus"),
        row("species", "Bombus impatiens", f"{APIDAE} Bombus impatiens"),
        row("order", "Diplura", "Animalia Arthropoda Entognatha Diplura"),
        row("genus", "Diplura", "Animalia Arthropoda Arachnida Araneae Dipluridae Diplura"),
        row("order", "Collembola", "Animalia Arthropoda Collembola Collembola"),
        row("class", "Collembola", "Animalia Arthropoda Collembola"),
        row("order", "Acari", "Animalia Arthropoda Arachnida Acari"),
        row("suborder", "Acari", "Animalia Arthropoda Arachnida Acari"),
    ]
    return write_checklist(tmp_path, "bees", rows)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({"verbatim": "Apinae"}, f"{APIDAE} - -"),
        ({"verbatim": "Apini Latreille, 1802"}, f"{APIDAE} - -"),
        ({"verbatim": "Apini", "name_rank": "TRIBE"}, f"{APIDAE} - -"),
        ({"verbatim": "Pyrobombus"}, f"{APIDAE} Bombus -"),
        ({"verbatim": "Pyrobombus", "name_rank": "subgenus"}, f"{APIDAE} Bombus -"),
        (
            {"verbatim": "Bombus", "name_rank": "subgenus", "kingdom": "Animalia"},
            f"{APIDAE} Bombus -",
        ),  # the typical one
        ({"verbatim": "Collembola alba"}, "Animalia Arthropoda Collembola - - - -"),
        (
            {"verbatim": "Diplura alba", "order": "Araneae"},
            "Animalia Arthropoda Arachnida Araneae Dipluridae Diplura alba",
        ),
        ({"verbatim": "Bombus"}, "- - - - - Bombus -"),  # as every genus, it needs support
        ({"verbatim": "Bombus", "kingdom": "Animalia"}, f"{APIDAE} Bombus -"),
        ({"verbatim": "Bombus impatiens", "name_rank": "species"}, f"{APIDAE} Bombus impatiens"),
        ({"verbatim": "Bombus impatiens", "name_rank": "COMPLEX", "family": "Apidae"}, f"{APIDAE} Bombus -"),
        ({"verbatim": "Apidae"}, f"{APIDAE} - -"),
        ({"verbatim": "Apidae sp. BOLD:AAA1234"}, f"{APIDAE} - -"),
        ({"genus": "Apidae"}, f"{APIDAE} - -"),
        ({"genus": "Apidae", "species": "sp. 1"}, f"{APIDAE} - -"),
        ({"genus": "Apini", "family": "Apidae"}, f"{APIDAE} - -"),
        ({"verbatim": "Diplura"}, "Animalia Arthropoda - - - - -"),
        ({"verbatim": "Diplura", "class": "Arachnida"}, "Animalia Arthropoda Arachnida Araneae Dipluridae Diplura -"),
        ({"verbatim": "Diplura", "class": "Entognatha"}, "Animalia Arthropoda Entognatha Diplura - - -"),
        ({"verbatim": "Diplura", "name_rank": "order"}, "Animalia Arthropoda Entognatha Diplura - - -"),
        ({"verbatim": "Collembola"}, "Animalia Arthropoda Collembola - - - -"),
        ({"verbatim": "Acari"}, "Animalia Arthropoda Arachnida Acari - - -"),
        ({"verbatim": "Zyxillus"}, "- - - - - - -"),
        ({"verbatim": "Zyxillus sp."}, "- - - - - Zyxillus -"),
        ({"verbatim": "Zyxillus", "name_rank": "genus"}, "- - - - - Zyxillus -"),
        ({"genus": "Zyxillus"}, "- - - - - Zyxillus -"),
        ({"verbatim": "Zyxillus album"}, "- - - - - Zyxillus album"),
        ({"verbatim": "Zyxidae"}, "- - - - Zyxidae - -"),
        ({"genus": "Zyxidae", "species": "sp."}, "- - - - Zyxidae - -"),
        ({"verbatim": "Zyxinae"}, "- - - - - - -"),
        ({"verbatim": "Metazoa"}, "Animalia - - - - - -"),
    ],
    ids=str,
)
def test_a_name_stands_at_its_own_rank(tmp_path: Path, bees: Checklist, label: dict[str, str], expected: str) -> None:
    (named,), _ = name_labels(tmp_path, [label], [bees])
    told = lineage(named).replace("Zyxillus sp.", "Zyxillus -")
    assert told == expected


def test_what_a_word_is_taken_for_is_a_finding(tmp_path: Path, bees: Checklist) -> None:
    words = ["Apini", "Zyxillus", "Diplura", "Acari"]
    labels = [{"verbatim": word} for word in words] + [{"genus": "Apidae"}]
    _, findings = name_labels(tmp_path, labels, [bees])
    kinds = {(one["kind"], one["value"]): one["detail"] for one in findings}
    assert kinds["rank-between", "Apini"] == "fills only the ranks above it; it is of the rank tribe"
    assert kinds["rank-unknown", "Zyxillus"] == "no authority knows it, and its ending shows no rank"
    assert kinds["rank-unknown", "Diplura"] == "stands at the ranks genus, order"
    assert kinds["rank-moved", "Apidae"] == "stands in the place of a genus; it is of the rank family"
    assert ("rank-unknown", "Acari") not in kinds


def test_the_own_word_of_a_label_comes_from_the_label(tmp_path: Path, bees: Checklist) -> None:
    (order,), _ = name_labels(tmp_path, [{"verbatim": "Diplura", "class": "Entognatha"}], [bees])
    (tribe,), _ = name_labels(tmp_path, [{"verbatim": "Apini"}], [bees])
    assert (order["order_from"], order["phylum_from"]) == ("photos", "bees:order")
    assert tribe["family_from"] == "bees:tribe"


def test_without_checklists_names_stay_as_they_were(tmp_path: Path) -> None:
    (named,), findings = name_labels(tmp_path, [{"verbatim": "Apinae"}])
    assert lineage(named) == "- - - - - Apinae -"
    assert {one["kind"] for one in findings} == {"hole"}


def test_a_name_of_a_rank_that_is_no_genus_is_not_taken_for_one_even_without_checklists() -> None:
    labels = [
        {"verbatim": "Turdini", "name_rank": "TRIBE", "family": "Turdidae"},
        {"verbatim": "Turdidae Rafinesque, 1815", "name_rank": "family"},
        {"verbatim": "Turdidae", "name_rank": "FAMILY", "family": "Given"},
        {"verbatim": "Pyrobombus", "name_rank": "SUBGENUS", "family": "Apidae"},
        {"verbatim": "Turdus", "name_rank": "GENUS"},
        {"verbatim": "Parus major minor", "name_rank": "subspecies"},
    ]
    columns = ("family", "genus", "species", "uninomial", "word", "word_ranks")
    assert evidence_of(labels).select(columns).rows() == [
        ("Turdidae", "", "", "", "Turdini", "tribe"), ("Turdidae", "", "", "", "", ""), ("Given", "", "", "", "", ""),
        ("Apidae", "", "", "", "Pyrobombus", "subgenus"), ("", "Turdus", "", "", "", ""),
        ("", "Parus", "major", "", "", ""),
    ]  # fmt: skip
