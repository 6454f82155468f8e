"""Common names: cleaned as a corpus of real ones expects, and chosen by language, authority and rank."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from treeoflife.config.tables import Names
from treeoflife.core.languages import language_code
from treeoflife.core.values import RANKS, Taxon
from treeoflife.taxonomy import naming
from treeoflife.taxonomy.checklists.checklist import NAMES, VERNACULARS, Checklist
from treeoflife.taxonomy.common_names import choice as vernaculars
from treeoflife.taxonomy.common_names.cleaning import clean_common
from treeoflife.taxonomy.common_names.sources import from_checklist, from_itis
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.taxonomy.resolving import evidence_columns
from treeoflife.testing import taxonomies

CORPUS = list(csv.DictReader(Path(__file__).with_name("common_names.csv").open(newline="", encoding="utf-8")))
BLACKBIRD = Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "merula")
TIT = Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Paridae", "Parus", "major")


@pytest.mark.parametrize("row", CORPUS, ids=lambda row: f"{row['kind']}: {row['written']}")
def test_a_common_name_is_cleaned_as_the_corpus_says(row: dict[str, str]) -> None:
    """And cleaning it again changes nothing."""
    taxon = (row["scientific_name"], row["rank"], row["language"])
    assert clean_common(row["written"], *taxon) == row["expected"]
    assert clean_common(row["expected"], *taxon) == row["expected"]


def test_the_corpus_has_names_of_all_kinds() -> None:
    assert len({(row["written"], row["rank"]) for row in CORPUS}) >= 150
    assert min(Counter(row["kind"] for row in CORPUS).values()) >= 4


WORDS = (
    "lion",
    "Frog",
    "Common",
    "or",
    "and",
    "/",
    ",",
    ";",
    "(",
    ")",
    "a",
    "family",
    "none",
    "AMRO",
    "12",
    ".",
    "?",
    "Turdus",
)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "merula", "Cooper's", "black-and-white", "&amp;", "<b>", "é", "白"]), max_size=7)
)
def test_whatever_is_cleaned_is_a_name_with_letters_or_nothing(words: list[str]) -> None:
    cleaned = clean_common(" ".join(words), "Turdus merula")
    assert cleaned == cleaned.strip()
    assert not cleaned or any(map(str.isalpha, cleaned))
    assert "  " not in cleaned


@pytest.mark.parametrize("code", ["en", "eng", "English", "EN-gb", "en_US"])
def test_a_language_is_known_however_it_is_written(code: str) -> None:
    assert language_code(code) == "en"


@pytest.mark.parametrize("text", ["", "und", "unspecified", "mul", "Klingon dialect 7", "1"])
def test_a_text_that_is_no_language_gives_no_code(text: str) -> None:
    assert language_code(text) == ""


def test_the_configuration_takes_known_languages_and_authorities_alone() -> None:
    assert Names(common_language=("German", "eng", "de")).common_language == ("de", "en")
    for wrong in ({"common_language": ("Germn",)}, {"common_language": ()}, {"common_authorities": ("col",)}):
        with pytest.raises(ValidationError):
            Names.model_validate(wrong)
    col = {"col": Path("col.zip")}
    assert Names(checklists=col).common_by_trust[-2:] == ("col", "label")
    assert Names(checklists=col, common_authorities=("label", "eol")).common_by_trust == ("label", "eol", "col")
    assert Names(checklists=col, common_authorities=("col", "label")).common_by_trust == ("col", "label")


def table(authority: str, *rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """Vernaculars: rank, name, common name and language, of animals."""
    columns = ("name_rank", "name", "common", "language")
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(kingdom=pl.lit("Animalia"), family=pl.lit(""))
    return vernaculars.prioritised(frame.with_row_index("row"), authority, ("row",), (False,))


def chosen(
    taxon: Taxon, tables: list[pl.DataFrame], *languages: str, higher_ranks: bool = False
) -> tuple[str, str, str] | None:
    """The common name of a taxon, who gives it, and at which rank."""
    taxa = pl.DataFrame([dict(zip(RANKS, taxon, strict=True)) | {"number": 0}])
    answer = vernaculars.choose(taxa, tables, languages, higher_ranks=higher_ranks)
    return answer.select("common", "common_from", "common_rank").row(0) if answer.height else None


SPECIES = "Turdus merula"
TRUSTED = table("itis", ("species", SPECIES, "Blackbird", "en"), ("species", "Parus major", "Great Tit", "en"))
OTHER = table("col", ("species", SPECIES, "Amsel", "de"), ("species", SPECIES, "Merle noir", "fr"))


def test_a_more_wanted_language_comes_before_a_more_trusted_authority() -> None:
    tables = [TRUSTED, OTHER]
    assert chosen(BLACKBIRD, tables, "de", "en") == ("Amsel", "col", "species")
    assert chosen(BLACKBIRD, tables, "en", "de") == ("Blackbird", "itis", "species")
    assert chosen(TIT, tables, "de", "en") == ("Great Tit", "itis", "species")
    assert chosen(TIT, tables, "de") is None
    assert vernaculars.by_name(tables, ("de", "en")) == {"Parus major": "Great Tit", SPECIES: "Amsel"}


HIGHER = table(
    "col", ("genus", "Turdus", "True Thrushes", "en"), ("family", "Turdidae", "Thrushes", "en"),
    ("order", "Passeriformes", "Perching Birds", "en"), ("class", "Aves", "Birds", "en"),
    ("phylum", "Chordata", "Chordates", "en"), ("kingdom", "Animalia", "Animals", "en"),
    ("family", "Paridae", "Meisen", "de"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rank", "common"),
    [("genus", "True Thrushes"), ("family", "Thrushes"), ("order", "Perching Birds"), ("class", "Birds")],
)
def test_a_higher_rank_lends_its_common_name_only_if_that_is_wanted(rank: str, common: str) -> None:
    tables = [HIGHER.filter(~pl.col("name_rank").is_in(RANKS[RANKS.index(rank) + 1 :]))]
    assert chosen(BLACKBIRD, tables, "en", higher_ranks=True) == (common, "col", rank)
    assert chosen(BLACKBIRD, tables, "en") is None


def test_no_rank_above_the_class_lends_its_common_name() -> None:
    above = HIGHER.filter(pl.col("name_rank").is_in(["phylum", "kingdom"]))
    assert chosen(BLACKBIRD, [above], "en", higher_ranks=True) is None
    assert chosen(Taxon("Animalia", "Chordata"), [above], "en") == ("Chordates", "col", "phylum")


def test_an_own_name_in_any_wanted_language_comes_before_that_of_a_higher_rank() -> None:
    assert chosen(TIT, [TRUSTED, HIGHER], "de", "en", higher_ranks=True) == ("Great Tit", "itis", "species")
    assert chosen(TIT, [HIGHER], "de", "en", higher_ranks=True) == ("Meisen", "col", "family")


def test_a_higher_rank_of_another_kingdom_lends_nothing() -> None:
    plant = BLACKBIRD._replace(kingdom="Plantae")
    assert chosen(plant, [HIGHER], "en", higher_ranks=True) is None


def test_the_name_of_a_whole_family_is_not_that_of_its_species() -> None:
    """A singular may be both: the hoatzin is the only one of its family, and so is the walrus."""
    rows = [
        ("family", "Turdidae", "Thrushes", "Turdidae"), ("species", SPECIES, "thrushes", "Turdidae"),
        ("species", "Turdus pilaris", "Fieldfares", "Turdidae"), ("family", "Odobenidae", "Walrus", "Odobenidae"),
        ("species", "Odobenus rosmarus", "Walrus", "Odobenidae"), ("species", "Parus major", "Thrushes", "Paridae"),
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=("name_rank", "name", "common", "family"), orient="row")
    kept = vernaculars.prioritised(frame.with_columns(kingdom=pl.lit(""), language=pl.lit("en")), "itis", (), ())
    assert set(kept["name"]) == {"Turdidae", "Turdus pilaris", "Odobenidae", "Odobenus rosmarus", "Parus major"}


def test_itis_names_of_several_languages_are_told_apart() -> None:
    ranks = dict(zip(RANKS, BLACKBIRD, strict=True)) | {"tsn": 1}
    joined = {"terminal_vernacular": "Merle noir, Blackbird", "terminal_vernacular_lang": "French, English"}
    rows = pl.DataFrame([ranks | joined])
    assert from_itis(rows)["common"].to_list() == ["Blackbird"]
    assert from_itis(rows, ("fr", "en"))["language"].to_list() == ["fr", "en"]


@pytest.fixture
def inat(tmp_path: Path) -> Path:
    """iNaturalist's folder with its names in English and German."""
    taxonomies.write_inaturalist(tmp_path, [(BLACKBIRD, "Blackbird"), (TIT, "Great tit")])
    text = (tmp_path / "VernacularNames-english.csv").read_text()
    german = text.replace("Blackbird", "Amsel").replace(",en,", ",de,", 1).replace(",en,", ",,")
    (tmp_path / "VernacularNames-german.csv").write_text(german.replace("Great tit", "Kohlmeise"))
    return tmp_path


def named(names: Names, taxon: Taxon, common: str = "") -> dict[str, str]:
    """The row of names.parquet of an image with this label."""
    loaded = authorities.load(names, SimpleParser())
    label = dict(zip(RANKS, taxon, strict=True)) | {"source": "f", "name_key": "1", "label_common": common}
    rows = evidence_columns.conform(pl.DataFrame([label]))
    wanted = (names.common_by_trust, names.common_language)
    answer, _ = naming.name_evidence(rows, loaded, *wanted, common_of_higher_ranks=names.common_of_higher_ranks)
    return answer.row(0, named=True)


def test_inaturalists_names_are_read_in_each_wanted_language(inat: Path) -> None:
    """Rows of the German table that name no language are German."""
    for languages, blackbird, tit in ((("de", "en"), "Amsel", "Kohlmeise"), (("en", "de"), "Blackbird", "Great tit")):
        names = Names(inaturalist=inat, common_language=languages)
        assert named(names, BLACKBIRD)["common"] == blackbird
        assert named(names, TIT)["common"] == tit


def test_a_language_that_inaturalist_lacks_is_said(inat: Path) -> None:
    (inat / "VernacularNames-german.csv").unlink()
    tables = authorities.load(Names(inaturalist=inat, common_language=("de", "en")), SimpleParser()).tables
    warnings = [warning for count in tables for warning in count.warnings]
    assert [line.rpartition(" holds no ")[2] for line in warnings] == [
        "VernacularNames-german.csv, so iNaturalist gives no common names in German"
    ]


def test_a_users_own_name_is_the_last_resort_unless_the_user_says_otherwise(inat: Path) -> None:
    names = Names(inaturalist=inat)
    assert named(names, BLACKBIRD, "Ouzel")["common"] == "Blackbird"
    assert named(names, BLACKBIRD._replace(species="pilaris"), "Fieldfare")["common"] == "Fieldfare"
    first = Names(inaturalist=inat, common_authorities=("label", "inaturalist"), common_language=("de", "en"))
    row = named(first, BLACKBIRD, "BLACKBIRD, EURASIAN")
    assert (row["common"], row["common_from"], row["common_rank"]) == ("Eurasian Blackbird", "label", "species")


def checklist(folder: Path) -> Checklist:
    columns = ("name_rank", "name", "kingdom", "family", "common", "language", "priority")
    rows = [
        ("species", SPECIES, "Animalia", "Turdidae", "Thrush, Black", "eng", 2),
        ("species", SPECIES, "Animalia", "Turdidae", "Turdus merula", "eng", 0),
        ("species", SPECIES, "Animalia", "Turdidae", "Blackbird", "en", 1),
        ("species", SPECIES, "Animalia", "Turdidae", "Amsel", "deu", 1),
    ]
    names, common = folder / "names.parquet", folder / "vernaculars.parquet"
    pl.DataFrame(schema=NAMES).write_parquet(names)
    pl.DataFrame(rows, schema=columns, orient="row").cast(dict(VERNACULARS)).write_parquet(common)
    return Checklist("col", names, common)


def test_a_checklist_gives_its_names_in_its_own_order_in_the_wanted_languages(tmp_path: Path) -> None:
    col, names = checklist(tmp_path), pl.Series([SPECIES])
    assert from_checklist(col, ("en",), names).select("common", "authority").rows() == [
        ("Blackbird", "col"), ("Black Thrush", "col"),
    ]  # fmt: skip
    assert from_checklist(col, ("de",), names)["common"].to_list() == ["Amsel"]
    assert from_checklist(col, ("fr",), names).is_empty()
    assert from_checklist(col, ("en",), pl.Series(["Pica pica"])).is_empty()
    assert from_checklist(Checklist("worms", col.names), ("en",), names).schema == pl.Schema(vernaculars.SCHEMA)
