"""Checklists as authorities: what is read of them, and what they fill."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from named_labels import evidence_of, lineage, name_labels, row, write_checklist
from pydantic import ValidationError

from treeoflife.config.tables import Names
from treeoflife.core.database import open_database
from treeoflife.errors import InputError
from treeoflife.taxonomy import naming
from treeoflife.taxonomy.checklists.built_in import BUILT_IN
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.resolving.checklist_records import ask_checklist, asked_names

THRUSH = "Animalia Chordata Aves Passeriformes Turdidae Turdus merula"
GANNETS = "Animalia Chordata Aves Suliformes Sulidae Morus"
MULBERRIES = "Plantae Tracheophyta Magnoliopsida Rosales Moraceae Morus"


def test_only_the_rows_that_names_ask_for_are_read(tmp_path: Path) -> None:
    rows = [
        row("family", "Turdidae", "Animalia Chordata Aves Passeriformes Turdidae"),
        row("genus", "Turdus", " ".join(THRUSH.split()[:6])), row("species", "Turdus merula", THRUSH),
        row("species", "Turdus niger", THRUSH, "", "Turdus merula"), row("genus", "Other", f"{GANNETS}"),
        row("species", "Turdus pilaris", THRUSH.replace("merula", "pilaris")), row("tribe", "Turdini", THRUSH[:37]),
    ]  # fmt: skip
    checklist = write_checklist(tmp_path, "list", rows)
    with open_database(tmp_path / "scratch", 1) as database:
        answers = ask_checklist(checklist, asked_names(evidence_of([{"verbatim": "Turdus niger"}])), database)
    assert set(answers.rows["name"]) == {"Turdidae", "Turdus", "Turdus merula", "Turdus niger"}
    assert not answers.is_complete


def test_a_dataset_of_scientific_names_alone_gets_its_ranks_from_the_built_in_taxonomy(tmp_path: Path) -> None:
    names = ["Turdus merula", "Quercus robur", "Amanita muscaria", "Apis mellifera", "Turdus nonexistens"]
    named, _ = name_labels(tmp_path, [{"verbatim": name} for name in names], built_in=True)
    assert [(one["kingdom"], one["family"]) for one in named] == [
        ("Animalia", "Turdidae"), ("Plantae", "Fagaceae"), ("Fungi", "Amanitaceae"), ("Animalia", "Apidae"),
        ("Animalia", "Turdidae"),
    ]  # fmt: skip
    assert named[0]["family_from"] == "built_in:genus"


def test_a_genus_of_two_kingdoms_needs_evidence_even_with_a_complete_checklist(tmp_path: Path) -> None:
    labels = [{"verbatim": "Morus nova"}, {"verbatim": "Morus nova", "kingdom": "Plantae"}]
    named, findings = name_labels(tmp_path, labels, built_in=True)
    assert [one["family"] for one in named] == ["", "Moraceae"]
    assert ("ambiguous", "Morus") in {(one["kind"], one["value"]) for one in findings}


def test_a_genus_that_another_authority_knows_elsewhere_has_a_namesake(tmp_path: Path) -> None:
    rows = [row("genus", "Turdus", "Plantae Bryophyta Bryopsida Hypnales Turdaceae Turdus")]
    moss = write_checklist(tmp_path, "mosses", rows)
    (named,), _ = name_labels(tmp_path, [{"verbatim": "Turdus novus"}], [moss], built_in=True)
    assert lineage(named) == "- - - - - Turdus novus"


def test_a_small_checklist_is_no_support_for_a_genus(tmp_path: Path) -> None:
    small = write_checklist(tmp_path, "small", [row("genus", "Zyxillus", f"{GANNETS[:-5]}Zyxillus")])
    (named,), findings = name_labels(tmp_path, [{"verbatim": "Zyxillus novus"}], [small], built_in=True)
    assert named["kingdom"] == ""
    assert "genus-alone" in {one["kind"] for one in findings}


def test_the_built_in_taxonomy_fills_only_what_nobody_else_does(tmp_path: Path) -> None:
    own = row("species", "Turdus merula", "Animalia Chordata Aves - Muscicapidae Turdus merula")
    checklist = write_checklist(tmp_path, "own", [own])
    labels = [{"verbatim": "Turdus merula", "phylum": "Craniata"}, {"verbatim": "Turdus merula"}]
    (other, named), _ = name_labels(tmp_path, labels, [checklist], built_in=True)
    assert (other["phylum"], other["family"]) == ("Craniata", "")
    assert (named["family"], named["family_from"]) == ("Muscicapidae", "own:species")
    assert (named["order"], named["order_from"]) == ("Passeriformes", "built_in:family")


@pytest.mark.parametrize(
    ("rank", "name", "first", "second"),
    [
        ("family", "Cepheidae", "Animalia Arthropoda Arachnida Mites", "Animalia Cnidaria Scyphozoa Rhizostomeae"),
        ("family", "Gonidae", "Animalia Chordata", "Chromista Ciliophora"),
        ("order", "Gonales", "Animalia Chordata Aves", "Animalia Mollusca Bivalvia"),
        ("class", "Gonopsida", "Animalia Chordata", "Animalia Mollusca"),
    ],
)  # fmt: skip
def test_a_name_of_two_phyla_fills_nothing_without_evidence_of_another_rank(
    tmp_path: Path, rank: str, name: str, first: str, second: str
) -> None:
    checklist = write_checklist(tmp_path, "both", [row(rank, name, f"{one} {name}") for one in (first, second)])
    phylum = second.split()[1]
    (alone, placed), findings = name_labels(tmp_path, [{rank: name}, {rank: name, "phylum": phylum}], [checklist])
    assert alone["kingdom"] == alone["phylum"] == ""
    assert placed["kingdom"] == second.split()[0]
    assert "ambiguous" in {one["kind"] for one in findings}


def test_a_species_of_two_kingdoms_fills_nothing_without_evidence(tmp_path: Path) -> None:
    rows = [row("species", "Morus communis", f"{one} communis") for one in (GANNETS, MULBERRIES)]
    checklist = write_checklist(tmp_path, "both", rows)
    labels = [{"verbatim": "Morus communis"}, {"verbatim": "Morus communis", "order": "Rosales"}]
    alone, placed = name_labels(tmp_path, labels, [checklist])[0]
    assert (alone["kingdom"], placed["family"]) == ("", "Moraceae")


def test_the_author_tells_homonyms_apart(tmp_path: Path) -> None:
    rows = [
        row("species", "Morus communis", f"{GANNETS} communis", "(Vieillot, 1816)"),
        row("species", "Morus communis", f"{MULBERRIES} communis", "L."),
        row("genus", "Morus", GANNETS, "Vieillot, 1816"), row("genus", "Morus", MULBERRIES, "Linnaeus"),
    ]  # fmt: skip
    checklist = write_checklist(tmp_path, "both", rows)
    names = ["Morus communis Linnaeus, 1753", "Morus communis Vieillot", "Morus communis Smith", "Morus L."]
    named, _ = name_labels(tmp_path, [{"verbatim": name} for name in names], [checklist])
    assert [one["kingdom"] for one in named] == ["Plantae", "Animalia", "", "Plantae"]


def test_two_checklists_with_one_genus_in_different_families_are_taken_by_trust(tmp_path: Path) -> None:
    one, other = "Animalia Chordata Aves Passeriformes Muscicapidae", "Animalia Chordata Aves Passeriformes Turdidae"
    first = write_checklist(tmp_path, "first", [row("genus", "Oena", f"{one} Oena")])
    second = write_checklist(tmp_path, "second", [row("genus", "Oena", f"{other} Oena")])
    label = {"verbatim": "Oena nova", "kingdom": "Animalia"}
    for checklists, family in (([first, second], "Muscicapidae"), ([second, first], "Turdidae")):
        (named,), _ = name_labels(tmp_path, [label], checklists)
        assert named["family"] == family
    within = write_checklist(tmp_path, "both", [row("genus", "Oena", f"{each} Oena") for each in (one, other)])
    assert name_labels(tmp_path, [label], [within])[0][0]["family"] == ""


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"authorities": ["itis", "colx"]}, "'colx' is neither an authority nor a checklist"),
        ({"backbone": "colx"}, "'colx' is neither an authority nor a checklist"),
        ({"checklists": {"itis": "col.zip"}}, "a checklist cannot be called 'itis'"),
        ({"checklists": {"built_in": "col.zip"}}, "a checklist cannot be called 'built_in'"),
    ],
)
def test_names_that_are_no_authority_are_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Names.model_validate(table)


def test_checklists_come_before_the_built_in_taxonomy_unless_they_are_listed() -> None:
    lists = {"col": "col.zip", "own": "own.zip"}
    assert Names.model_validate({"checklists": lists}).by_trust[-3:] == ("col", "own", "built_in")
    listed = Names.model_validate({"checklists": lists, "authorities": ["own", "built_in", "itis"]})
    assert listed.by_trust == ("own", "built_in", "itis", "col")


def test_the_files_of_checklists_and_the_built_in_table_are_inputs_of_names(tmp_path: Path) -> None:
    (tmp_path / "col").mkdir()
    (tmp_path / "col/names.tsv").write_text("id")
    (tmp_path / "worms.zip").write_bytes(b"")
    names = Names.model_validate(
        {"checklists": {"col": tmp_path / "col", "worms": tmp_path / "worms.zip"}, "built_in": True}
    )
    inputs, files = naming.names_inputs(names, [])
    assert files == [BUILT_IN.names, tmp_path / "col/names.tsv", tmp_path / "worms.zip"]
    assert inputs["given"] == ["checklists.col", "checklists.worms"]
    assert naming.names_inputs(Names(), [])[1] == []


BIRDS, OTHERS, PLANTS = "Animalia Chordata Aves Aformes Cidae", "Animalia Chordata Aves Bformes X", "Plantae P Q R Y"
ROWS = [
    row("genus", "Aus", f"{BIRDS} Aus", "Smith, 1900"), row("genus", "Aus", f"{PLANTS} Aus", "L."),
    row("subgenus", "Aus", f"{OTHERS} Bus"), row("genus", "Bus", f"{OTHERS} Bus"), row("tribe", "Dini", BIRDS),
    row("family", "Cidae", BIRDS), row("family", "Cidae", "Animalia Mollusca M N Cidae"),
    row("species", "Aus bus", f"{BIRDS} Aus bus", "Smith, 1900"), row("species", "Bus bus", f"{OTHERS} Bus bus"),
    row("species", "Aus cus", f"{OTHERS} Bus bus", "L.", "Bus bus"),
    row("species", "Aus cus", f"{BIRDS} Aus cus", "Smith"),
]  # fmt: skip
LABELS = [
    {"verbatim": "Aus bus"}, {"verbatim": "Aus cus L."}, {"verbatim": "Aus cus"}, {"verbatim": "Aus"},
    {"verbatim": "Dini"}, {"family": "Cidae"}, {"family": "Cidae", "kingdom": "Animalia", "phylum": "Mollusca"},
    {"verbatim": "Aus L."}, {"genus": "Dini", "class": "Aves"}, {"verbatim": "Bus bus", "kingdom": "Plantae"},
]  # fmt: skip


@given(st.randoms(use_true_random=False))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_neither_the_order_of_labels_nor_that_of_a_checklist_matters(tmp_path: Path, rng: random.Random) -> None:
    """Names and findings are those of the label, whatever else is in the dataset and in which order."""
    rows, labels = rng.sample(ROWS, len(ROWS)), rng.sample(LABELS, len(LABELS))
    named, _ = name_labels(tmp_path, labels, [write_checklist(tmp_path, "list", rows)])
    told = {str(sorted(label.items())): lineage(one) for label, one in zip(labels, named, strict=True)}
    usual, _ = name_labels(tmp_path, LABELS, [write_checklist(tmp_path, "list", ROWS)])
    assert told == {str(sorted(label.items())): lineage(one) for label, one in zip(LABELS, usual, strict=True)}


def test_what_is_no_checklist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "col.zip"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="col"), open_database(tmp_path / "scratch", 1) as database:
        naming.open_checklists(Names.model_validate({"checklists": {"col": path}}), tmp_path, database, SimpleParser())


def test_the_built_in_taxonomy_counts_as_complete(tmp_path: Path) -> None:
    with open_database(tmp_path / "scratch", 1) as database:
        answers = ask_checklist(BUILT_IN, pl.DataFrame({"name": ["Turdus"]}), database)
    assert answers.is_complete
