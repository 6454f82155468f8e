"""Synonyms of checklists: followed to the accepted name, unless something speaks against it."""

from __future__ import annotations

from pathlib import Path

import pytest
from named_labels import lineage, name_labels, row, write_checklist

from treeoflife.taxonomy.checklists.checklist import Checklist
from treeoflife.taxonomy.resolving.authorship import authors_agree

CATS = "Animalia Chordata Mammalia Carnivora Felidae"
PUMA = f"{CATS} Puma concolor"
DAISIES = "Plantae Tracheophyta Magnoliopsida Asterales Asteraceae"
FIGWORTS = "Plantae Tracheophyta Magnoliopsida Lamiales Plantaginaceae"


@pytest.fixture
def col(tmp_path: Path) -> Checklist:
    rows = [
        row("species", "Puma concolor", PUMA, "(Linnaeus, 1771)"),
        row("species", "Felis concolor", PUMA, "Linnaeus, 1771", "Puma concolor"),
        row("genus", "Puma", f"{CATS} Puma"),
        row("genus", "Felis", f"{CATS} Felis"),
        row("genus", "Profelis", f"{CATS} Puma", "", "Puma"),
        row("family", "Asteraceae", DAISIES),
        row("family", "Compositae", DAISIES, "", "Asteraceae"),
        # accepted for one taxon, and a synonym of another by another author
        row("species", "Felis minor", f"{CATS} Felis minor", "Smith, 1900"),
        row("species", "Felis minor", PUMA, "Jones, 1850", "Puma concolor"),
        # of two accepted names
        row("species", "Felis duplex", PUMA, "Smith", "Puma concolor"),
        row("species", "Felis duplex", f"{CATS} Felis minor", "Jones", "Felis minor"),
        # of a family that is another one now
        row("species", "Veronica hederifolia", f"{FIGWORTS} Veronica hederifolia", "L."),
        row("species", "Veronica lappago", f"{FIGWORTS} Veronica hederifolia", "Schrank", "Veronica hederifolia"),
    ]
    return write_checklist(tmp_path, "col", rows)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({"verbatim": "Felis concolor"}, PUMA),
        ({"verbatim": "Felis concolor Linnaeus, 1771", "family": "Felidae"}, PUMA),
        ({"genus": "Felis", "species": "concolor"}, PUMA),
        ({"verbatim": "Felis concolor", "kingdom": "Plantae"}, "Plantae - - - - Felis concolor"),
        ({"verbatim": "Profelis", "order": "Carnivora"}, f"{CATS} Puma -"),
        ({"verbatim": "Profelis nova", "order": "Carnivora"}, f"{CATS} Profelis nova"),
        ({"verbatim": "Compositae"}, f"{DAISIES} - -"),
        ({"verbatim": "Felis minor"}, f"{CATS} Felis minor"),
        ({"verbatim": "Felis minor Smith"}, f"{CATS} Felis minor"),
        ({"verbatim": "Felis minor Jones, 1850"}, PUMA),
        ({"verbatim": "Felis duplex"}, f"{CATS} Felis duplex"),
        ({"verbatim": "Felis duplex Smith"}, PUMA),
        (
            {"verbatim": "Veronica lappago", "kingdom": "Plantae", "order": "Lamiales", "family": "Scrophulariaceae"},
            f"{FIGWORTS} Veronica hederifolia",
        ),
        ({"verbatim": "Puma concolor"}, PUMA),
    ],
    ids=str,
)
def test_a_synonym_gives_its_accepted_name(
    tmp_path: Path, col: Checklist, label: dict[str, str], expected: str
) -> None:
    (named,), _ = name_labels(tmp_path, [label], [col])
    assert lineage(named) == expected


def test_a_finding_says_what_became_of_a_synonym_and_who_says_so(tmp_path: Path, col: Checklist) -> None:
    labels = [{"verbatim": "Felis concolor"}, {"verbatim": "Felis duplex"}, {"verbatim": "Puma concolor"}]
    (named, *_), findings = name_labels(tmp_path, labels, [col])
    told = [(one["value"], one["detail"]) for one in findings if one["kind"] == "synonym"]
    assert told == [
        ("Felis concolor", "a synonym of Puma concolor, says col"),
        ("Felis duplex", "a synonym of Felis minor or Puma concolor, says col; it stays as it is written"),
    ]
    assert (named["genus_from"], named["species_from"]) == ("col:synonym", "col:synonym")
    assert named["family_from"] == "col:species"


def test_a_synonym_is_kept_as_given_if_the_configuration_says_so(tmp_path: Path, col: Checklist) -> None:
    (named,), findings = name_labels(tmp_path, [{"verbatim": "Felis concolor"}], [col], synonyms="as-given")
    assert lineage(named) == f"{CATS} Felis concolor"
    assert [one["detail"] for one in findings if one["kind"] == "synonym"] == [
        "a synonym of Puma concolor, says col; it stays as it is written"
    ]


def test_the_most_trusted_checklist_that_knows_a_name_decides_whether_it_is_a_synonym(
    tmp_path: Path, col: Checklist
) -> None:
    own = write_checklist(tmp_path, "own", [row("species", "Felis concolor", f"{CATS} Felis concolor")])
    (first,), _ = name_labels(tmp_path, [{"verbatim": "Felis concolor"}], [own, col])
    (second,), _ = name_labels(tmp_path, [{"verbatim": "Felis concolor"}], [col, own])
    assert (lineage(first), lineage(second)) == (f"{CATS} Felis concolor", PUMA)


def test_the_spelling_of_a_label_does_not_keep_it_from_its_name(tmp_path: Path) -> None:
    rows = [row("species", "Isoetes boryana", "Plantae - - - Isoetaceae Isoetes boryana")]
    checklist = write_checklist(tmp_path, "quillworts", rows)
    (named,), _ = name_labels(tmp_path, [{"genus": "Isoëtes", "species": "boryana"}], [checklist])
    assert (named["family"], named["genus"]) == ("Isoetaceae", "Isoëtes")


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("L.", "Linnaeus, 1758", True), ("(Linnaeus, 1758)", "Linnaeus, 1758", True), ("Müll.Arg.", "Müller", True),
        ("Fabr.", "Fabricius, 1775", True), ("Gray, 1821", "Gray, 1825", False), ("Smith", "Jones", False),
        ("(L.) Mill.", "L.", True), ("de Candolle", "DC.", True), ("", "Smith", False), ("1758", "1758", False),
        ("Sm.", "Smith & Jones, 1900", True), ("Smithson", "Smith", False), ("J. Smith", "J. Jones", False),
    ],
)  # fmt: skip
def test_authors_agree_however_they_are_cited(one: str, other: str, agree: bool) -> None:
    assert authors_agree(one, other) is agree
    assert authors_agree(other, one) is agree
