"""Parsing and cleaning never raise, are idempotent, and never return markup, an author or a year."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator

import polars as pl
import pytest
import worlds
from hypothesis import example, given, settings
from hypothesis import strategies as st

from treeoflife.errors import ConfigError
from treeoflife.taxonomy.common_names.choice import clean_common
from treeoflife.taxonomy.parsing.label import Parser, clean_text, parse
from treeoflife.taxonomy.parsing.parsers import make_parser
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers.records import parse_names, rank_value

PARSERS = [make_parser("gnparser"), SimpleParser()]
genus = st.sampled_from(["Panthera", "Morus", "Isoetes", "Aedes", "Poa"])
epithet = st.sampled_from(["leo", "uva-ursi", "alba", "niger", "aegypti"])
author = st.sampled_from(["", " L.", " (Linnaeus, 1758)", " Smith & Jones, 1901", " (L.) Mill.", " Homolle ex Arènes"])
below = st.sampled_from(["", " ssp. minor", " var. major", " subsp. minor var. major"])
markup = st.sampled_from(["{}", "<i>{}</i>", "&lt;i&gt;{}&lt;/i&gt;", " {}\n"])


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@given(genus, epithet, below, author, markup)
@settings(max_examples=150, deadline=None)
def test_authors_years_and_markup_are_taken_off(parser: Parser, g: str, e: str, b: str, a: str, m: str) -> None:
    parsed = parse(m.format(f"{g} {e}{b}{a}"), parser)
    assert (parsed.genus, parsed.species) == (g, e)
    assert not re.search(r"[<>]|\d|Linn|Smith|Mill|Homolle", parsed.canonical)
    assert parse(parsed.canonical, parser)[:3] == parsed[:3]


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@given(st.text(max_size=60))
@example("¼ A")
@settings(max_examples=200, deadline=None)
def test_any_text_is_parsed_without_an_error_and_the_same_when_parsed_again(parser: Parser, text: str) -> None:
    parsed = parse(text, parser)
    assert parse(parsed.canonical, parser)[:3] == parsed[:3]
    assert not re.search("[<>]", parsed.canonical)
    assert not re.search("[<>]", rank_value(text, parser))


@given(st.text(alphabet="<>&;ltgamp i/bLion 'é\n", max_size=40))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)
    assert clean_common(clean_common(text)) == clean_common(text)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@pytest.mark.parametrize(
    ("name", "genus", "species"),
    [
        ("Mentha × piperita L.", "Mentha", "× piperita"),
        ("Salix alba x fragilis", "Salix", "alba × fragilis"),
        ("Aedes sp. BOLD:AAA1234", "Aedes", "sp. BOLD:AAA1234"),
        ("Tobacco mosaic virus", "", "Tobacco mosaic virus"),
        ("Candidatus Phytoplasma asteris", "Candidatus Phytoplasma", "asteris"),
    ],
)
def test_hybrids_placeholders_viruses_and_candidates_are_kept_whole(
    parser: Parser, name: str, genus: str, species: str
) -> None:
    parsed = parse(name, parser)
    assert (parsed.genus, parsed.species) == (genus, species)


@pytest.mark.parametrize(
    "value",
    [
        "unknown", "(unidentified)", "not_classified", "pleasehelp", "", "?", "Unknown", "#N/A", "#NAME?", "#REF!",
        "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!",
    ],
)  # fmt: skip
def test_a_value_that_says_nobody_knows_is_empty(value: str) -> None:
    """Spreadsheets write a few such where a formula fails."""
    assert rank_value(value, PARSERS[0]) == ""
    assert clean_common(value) == ""


def test_where_gnparser_does_not_load_the_error_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match='parser = "simple"'):
        make_parser("gnparser")


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
@pytest.mark.parametrize("cited", [" (Smith", " (Smith)", " (Smith, 1901)", " (Smith & Jones", ", Smith 1901", " 1901"])
def test_a_virus_keeps_its_name_and_loses_its_author(parser: Parser, cited: str) -> None:
    assert parse(f"Tobacco mosaic virus{cited}", parser).canonical == "Tobacco mosaic virus"
    assert parse("Influenza A virus (H1N1)", parser).canonical == "Influenza A virus (H1N1)"


def real_names() -> Iterator[str]:
    for path in sorted((worlds.WORLD / "taxonomy").glob("*.gz")):
        tabs = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if ".tab" in path.name else {}
        with gzip.open(path, "rt", newline="") as fd:
            for row in csv.DictReader(fd, **tabs):  # type: ignore[call-overload]
                yield from (row[key] for key in ("species_name", "scientificName", "species") if row.get(key))


@pytest.mark.skipif(not (worlds.WORLD / "taxonomy").exists(), reason="the real names are not here")
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_real_names_lose_authors_and_years_and_are_read_the_same_again(parser: Parser) -> None:
    names = sorted(set(real_names()))
    parsed = [(name, parse(name, parser)) for name in names]
    assert len(names) > 20_000
    assert [name for name, one in parsed if parse(one.canonical, parser)[:3] != one[:3]] == []
    assert [name for name, one in parsed if re.search(r"[<>&(]|\b1[6-9]\d\d\b", one.canonical)] == []


ZOOLOGISTS = ("Smith", "Fischer", "Müller", "O. F. Müller", "J.E. Smith", "Hübner", "Saint-Hilaire", "Van", "Sp")
BOTANISTS = (
    "L.",
    "Mill.",
    "DC.",
    "R.Br.",
    "F.Muell.",
    "A.DC.",
    "Sw.",
    "Auct.",
    "Hort.",
    "Sp.",
    "Cv.",
    "Var.",
    "Sensu.",
)
EPITHETS = ("leo", "uva-ursi", "van", "smithi", "john", "indet", "virus", "unknown", "species")


@st.composite
def cited(draw: st.DrawFn) -> str:
    """A name with the author and year of zoologists, or the abbreviated ones of botanists, or something like them."""
    name = (
        f"{draw(st.sampled_from(['Poa', 'Abra', 'Unknown', 'Beetle', 'Candidatus']))} {draw(st.sampled_from(EPITHETS))}"
    )
    if draw(st.booleans()):
        authors = draw(st.lists(st.sampled_from(ZOOLOGISTS), min_size=1, max_size=3))
        joined = " & ".join([", ".join(authors[:-1]), authors[-1]]) if authors[1:] else authors[0]
        text = f"{joined}, {draw(st.sampled_from([1758, 1901, 2021]))}"
        return f"{name} ({text})" if draw(st.booleans()) else f"{name} {text}"
    authors = draw(st.lists(st.sampled_from(BOTANISTS), min_size=1, max_size=3))
    first = f"({authors.pop()}) " if authors[1:] and draw(st.booleans()) else ""
    return f"{name} {first}{' & '.join(authors)}"


@given(st.lists(cited(), min_size=20, max_size=40))
@settings(max_examples=15, deadline=None)
def test_names_with_plain_authors_have_the_parts_that_gnparser_finds(names: list[str]) -> None:
    assert parse_names(pl.Series(names), PARSERS[0]).rows() == [tuple(PARSERS[0].read(name)) for name in names]
