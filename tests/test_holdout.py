"""Hold-outs by species, whatever the spelling, and by image."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from helpers import tar_of
from treeoflife.config.tables import Holdout
from treeoflife.core.progress import SilentListener
from treeoflife.core.values import Taxon
from treeoflife.errors import InputError
from treeoflife.selection.holdout import find_held_out, read_list
from treeoflife.shards import foreign
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.species_key import column_keys, species_key

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
    assert species_key(text) == "panthera leo"


@pytest.mark.parametrize(
    "text", ["Plantae--------Arctostaphylos-uva-ursi", "Arctostaphylos uva-ursi", "Arctostaphylos_uva-ursi"]
)
def test_hyphens_of_an_epithet_stay(text: str) -> None:
    """Though ranks are joined by hyphens as well."""
    assert species_key(text) == "arctostaphylos uva-ursi"


@pytest.mark.parametrize("text", ["", "Panthera", "------"])
def test_what_names_no_species_means_none(text: str) -> None:
    """It is counted as an entry that matches nothing."""
    assert species_key(text) is None


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
    entries = read_list(Holdout(path=tmp_path / name))
    assert (set(entries.species.values()), entries.images) == (species, images)


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    """It would hold out nothing, without a word."""
    (tmp_path / "a.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match=r"a\.txt"):
        read_list(Holdout(path=tmp_path / "a.txt"))


HYBRIDS = {
    "× Sorbopyrus auricularis": ("Sorbopyrus", "auricularis"),
    "Sorbopyrus auricularis": ("×Sorbopyrus", "auricularis"),
    "xSorbopyrus_auricularis (Knoop) C.K.Schneid.": ("x Sorbopyrus", "auricularis"),
    "Salix sepulcralis": ("Salix", "× sepulcralis"),
    "Salix × sepulcralis Simonk.": ("Salix", "xsepulcralis"),
    "Plantae-Tracheophyta-Magnoliopsida-Malpighiales-Salicaceae-Salix-x sepulcralis": ("Salix", "sepulcralis"),
}
"""Entries of lists, and the columns of the species that each means."""


@pytest.fixture
def hybrids(tmp_path: Path) -> Path:
    """A list of hybrids."""
    (tmp_path / "hybrids.json").write_text(json.dumps(list(HYBRIDS)))
    return tmp_path / "hybrids.json"


def test_hybrids_are_found_by_their_columns_however_they_are_written(tmp_path: Path, hybrids: Path) -> None:
    """The multiplication sign may be an x, glued to the name, or missing, on the list and in the columns."""
    source = load_source("eol", {"path": "."}, tmp_path)
    columns = [(str(number), number, number, *names) for number, names in enumerate(HYBRIDS.values())]
    schema = ["treeoflife_id", "content_id", "page_id", "genus", "species"]
    images = pl.DataFrame(columns, schema=schema, orient="row")
    images = images.with_columns(column_keys(images).alias("species_key"))
    held_out, matched = find_held_out([read_list(Holdout(path=hybrids))], source, images)
    assert held_out["treeoflife_id"].sort().to_list() == images["treeoflife_id"].to_list()
    assert matched == {str(hybrids): set(HYBRIDS)}


def test_hybrids_are_found_in_the_texts_of_foreign_shards(tmp_path: Path, hybrids: Path) -> None:
    taxa = [*(Taxon(genus=genus, species=species) for genus, species in HYBRIDS.values()), Taxon("", "", genus="Salix")]
    texts = [(f"{key}.scientific_name.txt", taxon.scientific_name.encode()) for key, taxon in enumerate(taxa)]
    (tmp_path / "train").mkdir()
    (tmp_path / "train/000000.tar").write_bytes(tar_of(texts))
    findings = foreign.check_shards([str(tmp_path / "train")], None, None, [hybrids], 1, SilentListener())
    assert {finding.key for finding in findings if finding.kind == "held-out"} == {str(n) for n in range(len(HYBRIDS))}
