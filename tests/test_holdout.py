"""Hold-outs by species, whatever the spelling, and by image."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeoflife.config.tables import Holdout
from treeoflife.errors import InputError
from treeoflife.selection.holdout import read, species_of

RANKS = "Animalia Chordata Mammalia Carnivora Felidae Panthera leo"


@pytest.mark.parametrize(
    "text",
    [
        "Panthera leo", "Panthera_leo", "panthera leo", "PANTHERA LEO", "Panthera-leo", " Panthera  leo ",
        "Panthera leo persica", "Panthera_leo_persica", "Panthera (Leo) leo (Linnaeus, 1758)", "Panthera leo Linnaeus",
        RANKS, RANKS.replace(" ", "-"), RANKS.replace(" ", "_"), RANKS.replace(" ", "|"),
        RANKS.lower().replace(" ", "-"),
        "00012_" + RANKS.replace(" ", "_"), "Animalia-----Panthera-leo", "Animalia-----Panthera-leo persica",
    ],
)  # fmt: skip
def test_every_spelling_means_the_species(text: str) -> None:
    """Genus and epithet, in small letters."""
    assert species_of(text) == "panthera leo"


@pytest.mark.parametrize(
    "text", ["Plantae--------Arctostaphylos-uva-ursi", "Arctostaphylos uva-ursi", "Arctostaphylos_uva-ursi"]
)
def test_hyphens_of_an_epithet_stay(text: str) -> None:
    """Though ranks are joined by hyphens as well."""
    assert species_of(text) == "arctostaphylos uva-ursi"


@pytest.mark.parametrize("text", ["", "Panthera", "------"])
def test_what_names_no_species_means_none(text: str) -> None:
    """It is counted as an entry that matches nothing."""
    assert species_of(text) is None


@pytest.mark.parametrize(
    ("name", "text", "species", "images"),
    [
        ("a.txt", "# mine\nPanthera leo\n\n1_2_eol.jpg\n", {"panthera leo"}, ("1_2_eol.jpg",)),
        ("a.csv", "id,species\n1,Panthera leo\n", {"panthera leo"}, ()),
        ("a.csv", ",species\n0,Panthera leo\n", {"panthera leo"}, ()),
        ("a.csv", "genus,species\nPanthera,leo\n", {"panthera leo"}, ()),
        ("a.json", '["Panthera leo", "1_2_eol.jpg"]', {"panthera leo"}, ("1_2_eol.jpg",)),
        (
            "a.json",
            '{"Panthera leo": ["/x/1_2_eol.jpg", ""], "Nonsense": []}',
            {"panthera leo", ""},
            ("/x/1_2_eol.jpg",),
        ),
        ("seen.json", '{"Panthera leo": ["/x/1_2_eol.jpg"]}', set(), ("/x/1_2_eol.jpg",)),
    ],
)
def test_lists_in_every_form(tmp_path: Path, name: str, text: str, species: set[str], images: tuple[str, ...]) -> None:
    """Text, CSV and the two published forms of JSON."""
    (tmp_path / name).write_text(text)
    found = read(Holdout(path=tmp_path / name))
    assert (set(found.species.values()), found.images) == (species, images)


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    """It would hold out nothing, without a word."""
    (tmp_path / "a.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match=r"a\.txt"):
        read(Holdout(path=tmp_path / "a.txt"))
