"""Hold-outs by species, whatever the spelling, and by image."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import treeoflife as library
from helpers import built, tar_of
from treeoflife.config.tables import Holdout
from treeoflife.core.database import Database, open_database
from treeoflife.core.progress import SilentListener
from treeoflife.core.values import Taxon
from treeoflife.errors import InputError
from treeoflife.selection.holdout import count_matches, find_held_out, read_list, read_lists
from treeoflife.shards import foreign
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.species_key import column_keys, species_key

RANKS = "Animalia Chordata Mammalia Carnivora Felidae Panthera leo"


@contextmanager
def searched(folder: Path, settings: list[Holdout], kind: str, images: pl.DataFrame) -> Iterator[Database]:
    """A database in which these images of a source were searched for the entries of lists."""
    key = pl.col("species_key") if "species_key" in images.columns else pl.lit(None, pl.String).alias("species_key")
    with open_database(folder / "scratch") as database:
        database.load(
            "image", images.with_columns(source=pl.lit(kind), name_key="treeoflife_id").with_row_index("image_row")
        )
        named = images.with_row_index("name").select("name", key, source=pl.lit(kind), name_key="treeoflife_id")
        database.load("name", named.select("name", "species_key"))
        database.load("named", named.select("source", "name_key", "name"))
        database.load("renamed", pl.DataFrame(schema={"treeoflife_id": pl.String, "name": pl.Int64}))
        find_held_out(database, read_lists(settings), [load_source(kind, {"path": "."}, folder)])
        yield database


def held_out(folder: Path, settings: list[Holdout], kind: str, images: pl.DataFrame) -> list[tuple[str, str]]:
    """The ids of the images that are held out, and the entries."""
    with searched(folder, settings, kind, images) as database:
        return database.rows("""
            SELECT treeoflife_id, regexp_replace(held_out_detail, '^[^:]*: ', '')
            FROM held_out
            JOIN image USING (image_row)
            ORDER BY treeoflife_id
        """)


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


LIST = "# mine\nPanthera leo\nMöhringia trinervia\n1_2_eol.jpg\n"


@pytest.mark.parametrize(
    "data",
    [
        LIST.encode(), LIST.encode("utf-8-sig"), LIST.encode("utf-16"), LIST.encode("utf-16-be"),
        LIST.encode("utf-32"), LIST.encode("latin-1"), LIST.replace("\n", "\r\n").encode(),
        LIST.replace("\n", "\r").encode(), LIST.replace("\n", "\n\n").encode(), LIST.rstrip().encode(),
        json.dumps(["Panthera leo", "Möhringia trinervia", "1_2_eol.jpg"]).encode("utf-8-sig"),
        json.dumps(["Panthera leo", "Möhringia trinervia", "1_2_eol.jpg"], ensure_ascii=False).encode("utf-16"),
        "id;Scientific Name;image\r\n1;Panthera leo;\r\n2;Möhringia trinervia;x\r\n3;1_2_eol.jpg;\r\n".encode("cp1252"),
        "genus\tspecies\nPanthera\tleo\nMöhringia\tMöhringia trinervia\n1_2_eol.jpg\t\n".encode(),
        'note,species\n"of two\nlines",Panthera leo\nx,Möhringia trinervia\nx,1_2_eol.jpg\n'.encode(),
    ],
)  # fmt: skip
def test_lists_in_every_encoding_and_with_every_line_end(tmp_path: Path, data: bytes) -> None:
    """JSON is known by how it begins, whatever the name of the file."""
    (tmp_path / "a.txt").write_bytes(data)
    entries = read_list(Holdout(path=tmp_path / "a.txt"))
    assert set(entries.species.values()) == {"panthera leo", "möhringia trinervia"}
    assert entries.images == ("1_2_eol.jpg",)
    assert bool(entries.remarks) == (b"M\xf6h" in data)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \r\n\r\n", "empty"),
        ("a.txt", b"# nothing\n", "no entry"),
        ("a.txt", b"Panthera\n---\n", "none of the 2 entries"),
        ("a.csv", b"id,rank\n1,a\n2,b\n", "none of the 3 entries"),
        ("a.json", b"[]", "no entry"),
        ("a.json", b'{"": []}', "no entry"),
        ("a.json", b'{"Panthera leo": [], "Panthera leo": ["1_2.jpg"]}', "'Panthera leo' occurs twice"),
        ("a.json", b'{"Panthera leo": [17]}', "17 is no text"),
        ("a.json", b'["Panthera leo", {"a": 1}]', "is no text"),
        ("a.json", b'{"Panthera leo": "1_2.jpg"}', "not JSON of the form"),
        ("a.json", b"Panthera leo", "not JSON"),
        ("a.json", b"[" * 100_000, "nested"),
        ("a.txt", b'["Panthera leo', "not JSON"),
        ("a.json", b'["Panthera \\ud800 leo"]', "surrogate"),
        ("a.json", b"[NaN]", "NaN"),
        ("a.json", b"[" + b"1" * 5000 + b"]", "digits"),
        ("a.txt", b"Panthera leo\n\0\n", "line 2"),
        ("a.txt", b'Panthera leo\n"Puma concolor\n', "line 2"),
        ("a.csv", b"species\n" + b"x" * 200_000 + b"\n", "entries"),
        ("a.csv", b"species,Species\na,b\n", "two columns"),
        ("a.csv", b"PK\x03\x04" + bytes(100), "spreadsheet"),
        ("a.txt", b"PAR1" + bytes(100), "a Parquet file; save it as CSV"),
        ("a.txt", "Möhringia trinervia\n".encode() + b"M\xf6hringia muscosa\n", "line 2"),
    ],
)  # fmt: skip
def test_a_list_that_means_nothing_is_an_error(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    """It would hold out nothing, without a word."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        read_list(Holdout(path=tmp_path / name, allow_unmatched=True))
    assert name in str(refused.value)


def test_stray_quotation_marks_swallow_no_entry(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('species,note\nPanthera leo,"x\nPuma concolor,y\nFelis catus,"z\n')
    entries = read_list(Holdout(path=tmp_path / "a.csv"))
    assert set(entries.species.values()) == {"panthera leo", "puma concolor", "felis catus"}
    assert "quotation marks" in entries.remarks[0]


def test_entries_that_mean_nothing_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Panthera leo\nPanthera\n")
    assert read_list(Holdout(path=tmp_path / "a.txt")).meaningless == ("Panthera",)


@pytest.mark.parametrize(
    ("text", "by", "entries"),
    [
        (
            "species,scientific_name\n,Turdus merula\n,Parus major\nPica pica,\n",
            "auto",
            ["Turdus merula", "Parus major", "Pica pica"],
        ),
        ("species;image\nPica pica;1_2.jpg\n;3_4.jpg\n", "auto", ["Pica pica", "3_4.jpg"]),
        (
            "name,species,file\nPica pica,,\n,,3_4.jpg\n",
            "species",
            ["Pica pica", "(line 3, which is empty in species, name)"],
        ),
        ("file,image\n1_2.jpg,\n,3_4.jpg\n", "images", ["3_4.jpg", "1_2.jpg"]),
        (
            "# mine\ngenus,species,name\nPica,,Pica pica\n,major,Parus major\nTurdus,merula,x\nPanthera,,\n",
            "auto",
            ["Pica pica", "Parus major", "Turdus merula", "Panthera"],
        ),
    ],
)
def test_an_entry_is_in_the_first_column_that_its_row_fills(
    tmp_path: Path, text: str, by: Any, entries: list[str]
) -> None:
    (tmp_path / "a.csv").write_text(text)
    found = read_list(Holdout(path=tmp_path / "a.csv", by=by))
    assert sorted([*found.species, *found.images]) == sorted(entries)


@pytest.mark.parametrize("comment", ["", "# mine\n"])
def test_a_row_without_an_entry_is_counted_and_named_by_its_line(tmp_path: Path, comment: str) -> None:
    """An empty row is none."""
    (tmp_path / "a.csv").write_text(f"{comment}species,name,note\nPica pica,,\n,,hidden\n,,\n")
    line = 3 + bool(comment)
    assert read_list(Holdout(path=tmp_path / "a.csv")).meaningless == (
        f"(line {line}, which is empty in species, name)",
    )


def test_images_are_taken_from_their_column_where_images_are_held_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("species,file_name\nPanthera leo,1_2_eol.jpg\n")
    assert read_list(Holdout(path=tmp_path / "a.csv", by="images")).images == ("1_2_eol.jpg",)


@pytest.mark.parametrize("write", [str, str.upper, lambda one: f"{{{one}}}", lambda one: one.replace("-", "")])
def test_an_id_is_known_however_it_is_written(tmp_path: Path, write: Callable[[str], str]) -> None:
    one = "aa6c849d-cac5-5632-8e5d-8cb825004fce"
    (tmp_path / "a.txt").write_text(f"{write(one)}\n")
    images = pl.DataFrame({"treeoflife_id": [one, "b"], "eol_content_id": [1, 2], "eol_page_id": [2, 2]})
    assert held_out(tmp_path, [Holdout(path=tmp_path / "a.txt")], "eol", images) == [(one, write(one))]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_file_name_is_known_by_its_letters_not_by_their_code(tmp_path: Path, form: Any) -> None:
    (tmp_path / "a.txt").write_text(unicodedata.normalize(form, "b/Grünfink.JPG") + "\n")
    other = unicodedata.normalize("NFD" if form == "NFC" else "NFC", "Grünfink.jpg")
    images = pl.DataFrame({"treeoflife_id": ["a", "b"], "inat21_filename": [other, "c.jpg"]})
    assert len(held_out(tmp_path, [Holdout(path=tmp_path / "a.txt")], "inat21", images)) == 1


def test_two_lists_of_one_file_name_are_counted_and_named_apart(build_copy: Path, tmp_path: Path) -> None:
    """By their folders, in the ledger, in the log and in what build says."""
    names = library.open(build_copy).catalog.unique("treeoflife_id")
    counts = names.group_by("genus", "species").len().filter(pl.col("species").fill_null("") != "").sort("len")
    (first, second), config = counts.tail(2).select("genus", "species").rows(), build_copy / "dataset.toml"
    for folder, taxon in (("one", first), ("two", second)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rare.txt").write_text(" ".join(taxon) + "\n", encoding="utf-8")
        entry = f"\n[[holdout]]\npath = '{tmp_path / folder / 'rare.txt'}'\n"
        config.write_text(config.read_text(encoding="utf-8") + entry, encoding="utf-8")
    done = built(config)
    ledger = pl.read_parquet(build_copy / "ledger/ledger.parquet").filter(reason="held-out-species")
    log = {one["name"]: one for one in json.loads((build_copy / "logs/holdout.json").read_text(encoding="utf-8"))}
    for folder, taxon in (("one", first), ("two", second)):
        name, entry = f"{folder}/rare.txt", " ".join(taxon)
        images = ledger.filter(detail=f"{name}: {entry}").height
        assert log[name]["images"] >= images >= names.filter(genus=taxon[0], species=taxon[1]).height > 0
        assert f"{name}: 1 entries hold out {log[name]['images']} images" in " ".join(
            (done.stdout + done.stderr).split()
        )


def test_a_list_that_is_given_by_species_and_by_images_is_read_as_both(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("species,file_name\nPuma concolor,3_4.jpg\n")
    settings = [Holdout(path=tmp_path / "a.csv", by=by) for by in ("species", "images")]
    images = pl.DataFrame({"treeoflife_id": ["a", "b"], "eol_content_id": [1, 3], "eol_page_id": [2, 4],
                           "species_key": ["puma concolor", None]})  # fmt: skip
    with searched(tmp_path, settings, "eol", images) as database:
        matches = count_matches(database, read_lists(settings), settings)
    assert [one.images for one in matches] == [1, 1]


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
    columns = [(str(number), number, number, *names) for number, names in enumerate(HYBRIDS.values())]
    schema = ["treeoflife_id", "eol_content_id", "eol_page_id", "genus", "species"]
    images = pl.DataFrame(columns, schema=schema, orient="row")
    images = images.with_columns(column_keys(images).alias("species_key"))
    found = held_out(tmp_path, [Holdout(path=hybrids)], "eol", images)
    assert {treeoflife_id for treeoflife_id, _ in found} == set(images["treeoflife_id"])
    with searched(tmp_path, [Holdout(path=hybrids)], "eol", images) as database:
        entries = database.rows("SELECT DISTINCT entry FROM hit JOIN entry USING (place)")
    assert {entry for (entry,) in entries} == set(HYBRIDS)


def test_hybrids_are_found_in_the_texts_of_foreign_shards(tmp_path: Path, hybrids: Path) -> None:
    taxa = [*(Taxon(genus=genus, species=species) for genus, species in HYBRIDS.values()), Taxon("", "", genus="Salix")]
    texts = [(f"{key}.scientific_name.txt", taxon.scientific_name.encode()) for key, taxon in enumerate(taxa)]
    (tmp_path / "train").mkdir()
    (tmp_path / "train/000000.tar").write_bytes(tar_of(texts))
    findings = foreign.check_shards([str(tmp_path / "train")], None, None, [hybrids], 1, SilentListener())
    assert {finding.key for finding in findings if finding.kind == "held-out"} == {str(n) for n in range(len(HYBRIDS))}
