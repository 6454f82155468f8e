"""Labels alone: a table in any form in, a lineage and a reason for each of its rows out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import polars as pl
import pytest
from checklist_archives import usages, zipped

from helpers import cli, command, sentence
from treeoflife import match_names
from treeoflife.core.values import RANKS
from treeoflife.errors import ConfigError, InputError
from treeoflife.taxonomy.match import COLUMNS

MERULA = ("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "merula")


def lineages(matches: pl.DataFrame) -> list[tuple[str, ...]]:
    return matches.select(RANKS).rows()


def why(*labels: str) -> list[str]:
    """Why each label lacks ranks or was changed."""
    return match_names(labels)["why"].to_list()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("birds.csv", "id,scientific_name\n1,Turdus merula\n2,Parus major\n"),
        ("birds.tsv", "Species name\tid\nTurdus merula\t1\nParus major\t2\n"),
        ("birds.csv", "genus;specificEpithet\nTurdus;merula\nParus;major\n"),
        (
            "birds.csv",
            'dwc:scientificName,dwc:scientificNameAuthorship\nTurdus merula,"Linnaeus, 1758"\nParus major,L.\n',
        ),
        ("birds.txt", "Turdus merula Linnaeus, 1758\nParus major\n"),
        ("birds", "Turdus merula\nParus major\n"),
    ],
)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    matches = match_names(tmp_path / name)
    assert tuple(matches.columns) == COLUMNS
    assert lineages(matches)[0] == MERULA
    assert matches["species"].to_list() == ["merula", "major"]


def test_a_frame_and_parquet_and_a_list_give_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"scientific_name": ["Turdus merula", None, "Felidae"], "weight": [1, 2, 3]})
    frame.write_parquet(tmp_path / "birds.parquet")
    by_frame = match_names(frame)
    assert by_frame.equals(match_names(tmp_path / "birds.parquet"))
    assert by_frame.equals(match_names(["Turdus merula", "", "Felidae"]))
    named = frame.rename({"scientific_name": "what"})
    assert by_frame.equals(match_names(named, column="what"))
    with pytest.raises(InputError, match="it has what, weight"):
        match_names(named)


def test_every_row_has_one_in_its_order() -> None:
    labels = ["Parus major", "Turdus merula", "nonsense 7", "Parus major", "", "Turdus merula"] * 50
    matches = match_names(labels)
    assert matches["label"].to_list() == labels
    assert matches["place"].to_list() == list(range(1, 301))
    assert lineages(matches)[1] == lineages(matches)[299] == MERULA


def test_who_gave_ranks_and_by_which_name_is_said() -> None:
    (row,) = match_names(["Turdus merula"]).iter_rows(named=True)
    assert (row["rank"], row["matched_rank"], row["matched_name"]) == ("species", "genus", "Turdus")
    assert set(row["names_from"].split()) == {"label", "built_in:genus"}
    assert not row["why"]


def test_a_word_between_the_seven_ranks_is_matched_at_its_own() -> None:
    (row,) = match_names(["Halictini"]).iter_rows(named=True)
    assert (row["rank"], row["family"], row["genus"]) == ("family", "Halictidae", "")
    assert (row["matched_rank"], row["matched_name"]) == ("tribe", "Halictini")
    assert "of the rank tribe" in row["why"]


def test_a_synonym_gets_the_accepted_name_and_says_so(tmp_path: Path) -> None:
    cats = zipped(tmp_path / "cats.zip", {"NameUsage.tsv": usages()})
    matches = match_names(["Felis leo", "Panthera leo", "Felis silvestris"], taxonomies=[cats])
    assert matches["genus"].to_list() == ["Panthera", "Panthera", "Felis"]
    assert matches["status"].to_list() == ["synonym", "", ""]
    assert matches["matched_name"].to_list() == ["Felis leo", "Panthera leo", "Felis"]
    assert "'Felis leo' is a synonym of Panthera leo, says cats" in matches["why"][0]


def test_what_sources_and_backbone_say_of_a_taxon_is_said_of_all_its_labels(tmp_path: Path) -> None:
    cats = zipped(tmp_path / "cats.zip", {"NameUsage.tsv": usages()})
    frame = pl.DataFrame(
        {"order": ["", "Cats", "Cats"], "scientific_name": ["Panthera leo", "Panthera leo", "Felidae"]}
    )
    matches = match_names(frame, taxonomies=[cats])
    assert matches["order"].to_list() == ["Carnivora"] * 3
    assert "order Cats" in matches["why"][1]
    assert "order Carnivora" in matches["why"][1]


def test_the_labels_own_ranks_stay() -> None:
    frame = pl.DataFrame({"family": ["Muscicapidae"], "scientific_name": ["Turdus merula"]})
    assert match_names(frame)["family"].to_list() == ["Muscicapidae"]


def test_a_column_of_species_may_hold_whatever_an_animal_was_determined_as() -> None:
    """As tables of camera traps have it: the species where it is known, and the genus or the family elsewhere."""
    labels = ["Felidae", "Panthera", "Panthera leo", "Felidae sp.", "Carnivora", "Panthera cf. leo", "leo", "unknown"]
    matches = match_names(pl.DataFrame({"species": labels}))
    lowest = [(row["rank"], row["genus"] or row["family"] or row["order"]) for row in matches.iter_rows(named=True)]
    lion = ("species", "Panthera")
    assert lowest[:5] == [
        ("family", "Felidae"),
        ("genus", "Panthera"),
        lion,
        ("family", "Felidae"),
        ("order", "Carnivora"),
    ]
    assert matches["kingdom"].to_list() == ["Animalia"] * 6 + ["", ""]
    assert matches["why"].to_list()[6:] == ["there is no genus with its species", "'unknown' is no scientific name"]


def test_why_a_name_has_no_lineage_is_said() -> None:
    unknown, homonym, placeholder, nothing = why("Xus yus", "Morus", "unknown", "")
    assert "'Xus yus' is in no taxonomy" in unknown
    assert "'Morus' is the name of several taxa" in homonym
    assert "Moraceae" in homonym
    assert "Sulidae" in homonym
    assert "'unknown' is no scientific name" in placeholder
    assert "there is no name" in nothing


def test_a_reason_is_that_of_all_labels_of_one_name() -> None:
    """Findings name one of the labels concerned; the others are the same name in another spelling."""
    assert why("Xus yus", "Xus yus (L.)", "<i>Xus yus</i>") == ["'Xus yus' is in no taxonomy that is used"] * 3


def test_the_command_writes_csv_and_a_summary(tmp_path: Path) -> None:
    (tmp_path / "birds.csv").write_text("sp\nTurdus merula\nXus yus\n=1+1\n")
    done = cli("names", "match", tmp_path / "birds.csv", "--column", "sp", "--output", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert not done.stdout
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[0] == ",".join(COLUMNS)
    assert rows[1].startswith(f"2,Turdus merula,{','.join(MERULA)},species,genus,Turdus,")
    assert rows[3].startswith("4,'=1+1,")  # a spreadsheet would compute it
    said = [" ".join(line.split()) for line in done.stderr.splitlines()]
    assert "labels 3, 3 different, by 'sp'" in said
    assert "all ranks 1 down to genus or species; kingdoms from built_in 1" in said
    assert any(line.startswith("incomplete 1 without a kingdom, such as 'Xus yus' (line 3)") for line in said)
    assert any("treeoflife download taxonomy" in line for line in said)


def test_names_come_by_standard_input_too() -> None:
    words = command("names", "match", "-")
    done = subprocess.run(words, input="Turdus merula\n", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1].startswith("1,Turdus merula,Animalia,")
    assert "all ranks" in done.stderr


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("file,colour\na.jpg,red\n", (), "has no column with names; it has 'file', 'colour'"),
        ("file,colour\na.jpg,red\n", ("--column", "Name"), "has no column 'Name', which --column names"),
        ("scientificName,scientific_name\na,b\n", (), "rename or remove one"),
        ("", (), "is empty"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(
    tmp_path: Path, text: str, words: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "birds.csv").write_text(text)
    done = cli("names", "match", tmp_path / "birds.csv", *words, "--output", tmp_path / "out.csv")
    sentence(done, "birds.csv", expected)
    assert not (tmp_path / "out.csv").exists()


def test_two_taxonomies_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="same name"):
        match_names(["Parus"], taxonomies=[tmp_path / "a/col.zip", tmp_path / "b/COL.zip"])


def test_a_name_of_no_dataset_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("names", "why", "Turdus merula")
    assert done.returncode == 0, done.stderr
    assert "looked up by genus" in done.stdout
    assert "family: Turdidae (from built_in:genus)" in done.stdout


def test_a_checklist_gives_common_names_in_the_wanted_language(tmp_path: Path) -> None:
    """English by default; also of the accepted name of a synonym."""
    common = "taxonID\tname\tlanguage\n7\tLion\teng\n7\tLöwe\tdeu\n5\tCats\teng\n"
    cats = zipped(tmp_path / "cats.zip", {"NameUsage.tsv": usages(), "VernacularName.tsv": common})
    assert match_names(["Panthera leo", "Felis leo"], taxonomies=[cats])["common"].to_list() == ["Lion", "Lion"]
