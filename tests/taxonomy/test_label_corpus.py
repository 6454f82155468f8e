"""Labels as people write them, by class: what a taxonomist reads in each, and what comes of it on every way in.

``labels.csv`` has the labels. Its expected values were decided before the parser saw them. ``rank`` is compared where
it is given. ``gnparser_cases.csv`` has names of one and two words out of gnparser's own test data, and what it makes of
them; of a genus with a subgenus or section, the genus.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core.values import RANKS
from treeoflife.taxonomy.parsing.label import ParsedName, Parser, parse, parse_columns
from treeoflife.taxonomy.parsing.parsers import make_parser
from treeoflife.taxonomy.providers.records import clean_ranks, parse_names, rank_value, with_species

HERE = Path(__file__).parent
PARSERS = {name: make_parser(name) for name in ("gnparser", "simple")}
EACH_PARSER = pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS.keys())
EXPECTED_SHARE = 0.95
# The plain parser does not know the epithets that look like a particle of an author, such as Semiothisa da Dyar, 1916.
KNOWN_MISSES = {"gnparser": 0, "simple": 1}
# The rest are names whose genus is abbreviated, marks of doubt that are kept here, and for the plain parser numbers in
# epithets and epithets that look like a particle.
OF_GNPARSERS_CASES = {"gnparser": 0.973, "simple": 0.9}


def read(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(newline="", encoding="utf-8") as fd:
        return list(csv.DictReader(fd))


LABELS = read("labels.csv")


def is_right(row: dict[str, str], parsed: ParsedName) -> bool:
    parts = (row["genus"], row["species"], row["infraspecific"])
    return parsed[:3] == parts and row["rank"] in ("", parsed.rank)


@EACH_PARSER
def test_labels_of_every_class_are_read_as_a_taxonomist_would(parser: Parser) -> None:
    parsed = [(row, parse(row["label"], parser)) for row in LABELS]
    misses = [f"{row['class']}: {row['label']!r} is {one[:3]}" for row, one in parsed if not is_right(row, one)]
    labels = Counter(row["class"] for row in LABELS)
    right = Counter(row["class"] for row, one in parsed if is_right(row, one))
    print(*(f"{kind}: {right[kind]} of {number}" for kind, number in labels.items()), sep="\n")
    assert len(LABELS) >= 1200
    assert min(labels.values()) >= 20
    assert {kind for kind, number in labels.items() if right[kind] < EXPECTED_SHARE * number} == set(), misses
    assert len(misses) <= KNOWN_MISSES[parser.name], misses


@EACH_PARSER
def test_a_name_is_read_the_same_again(parser: Parser) -> None:
    for row in LABELS:
        parsed = parse(row["label"], parser)
        assert parse(parsed.canonical, parser)[:3] == parsed[:3]


@EACH_PARSER
def test_the_parts_of_a_table_are_those_of_single_labels(parser: Parser) -> None:
    """Plain names are split all at once, which must make no difference."""
    labels = [row["label"] for row in LABELS]
    assert parse_names(pl.Series(labels), parser).rows() == [tuple(parse(label, parser)) for label in labels]


def in_columns(pairs: list[tuple[str, str]], parser: Parser) -> list[tuple[str, ...]]:
    """What comes of a genus and a species that stand in two columns."""
    frame = clean_ranks(pl.DataFrame([dict.fromkeys(RANKS, "") | {"genus": genus} for genus, _ in pairs]), parser)
    species = pl.Series([species for _, species in pairs])
    return with_species(frame, species, parser).select("genus", "species", "infraspecific").rows()


@EACH_PARSER
def test_a_label_in_two_columns_is_the_label_in_one(parser: Parser) -> None:
    """The genus beside the full name, or beside what follows the genus; or no genus beside the full name."""
    parts = [(row["genus"], row["species"], row["infraspecific"]) for row in LABELS]
    # Of a species that is called like its genus, an epithet below it would be taken for the epithet.
    pairs = {
        (column, written): (genus, species, below)
        for row, (genus, species, below) in zip(LABELS, parts, strict=True)
        if genus and species and not (below and species == genus.lower())
        if parse(row["label"], parser)[:3] == (genus, species, below)
        for column, written in [(genus, row["label"]), (genus, f"{species} {below}".strip()), ("", row["label"])]
    }
    assert dict(zip(pairs, in_columns(list(pairs), parser), strict=True)) == pairs


@EACH_PARSER
@pytest.mark.parametrize(
    ("genus", "species", "expected"),
    [
        ("Rosa", "× rosacea", ("Rosa", "× rosacea", "")), ("Rosa", "x rosacea", ("Rosa", "× rosacea", "")),
        ("Rosa", "×rosacea", ("Rosa", "× rosacea", "")), ("ROSA", "ROSACEA", ("Rosa", "rosacea", "")),
        ("Quercus", "Q. robur", ("Quercus", "robur", "")), ("Q.", "Quercus robur", ("Quercus", "robur", "")),
        ("Quercus", "robur L.", ("Quercus", "robur", "")), ("Quercus", "Robur L.", ("Quercus", "robur", "")),
        ("Quercus", "sp.", ("Quercus", "", "")), ("Quercus", "nan", ("Quercus", "", "")),
        ("Quercus", "unidentified beetle", ("Quercus", "", "")), ("Quercus", "?", ("Quercus", "", "")),
        ("Quercus", "cf. robur", ("Quercus", "cf. robur", "")), ("Quercus", "robur/petraea", ("Quercus", "", "")),
        ("Quercus", "robur × petraea", ("Quercus", "robur × petraea", "")),
        ("Quercus", "Quercus robur × Q. petraea", ("Quercus", "robur × petraea", "")),
        ("Sorbopyrus", "× Sorbopyrus auricularis", ("× Sorbopyrus", "auricularis", "")),
        ("Phytoplasma", "Candidatus Phytoplasma asteris", ("Candidatus Phytoplasma", "asteris", "")),
        ("Aedes", "(Stegomyia) aegypti", ("Aedes", "aegypti", "")),
        ("Rosa", "'Peace'", ("Rosa", "", "")), ("Rosa", "canina 'Inermis'", ("Rosa", "canina", "")),
        ("Tobamovirus", "Tobacco mosaic virus", ("Tobamovirus", "Tobacco mosaic virus", "")),
        ("Orthoebolavirus", "Orthoebolavirus zairense", ("Orthoebolavirus", "zairense", "")),
        ("Isoëtes", "lacustris", ("Isoëtes", "lacustris", "")),
        ("Costomedes", "gazelle", ("Costomedes", "gazelle", "")),
        ("unknown", "Quercus robur", ("Quercus", "robur", "")), ("Animal", "animal", ("", "", "")),
        ("Common", "blackbird", ("", "", "")),
    ],
)  # fmt: skip
def test_columns_of_genus_and_species_are_read_together(
    parser: Parser, genus: str, species: str, expected: tuple[str, str, str]
) -> None:
    assert in_columns([(genus, species)], parser) == [expected]


@EACH_PARSER
def test_a_rank_has_no_placeholder_and_no_name_in_english(parser: Parser) -> None:
    for row in LABELS:
        if row["class"] in ("placeholder", "common-name", "abbreviation") and not row["genus"]:
            assert rank_value(row["label"], parser) == "", row["label"]


@EACH_PARSER
def test_gnparsers_own_names_of_one_and_two_words_are_read_as_gnparser_does(parser: Parser) -> None:
    cases = read("gnparser_cases.csv")
    missed = []
    for row in cases:
        parsed = parse(row["verbatim"], parser)
        if row["canonical"] not in (" ".join(parsed[:2]).strip(), parsed.canonical):
            missed.append(f"{row['verbatim']!r} is {parsed.canonical!r}")
    share = 1 - len(missed) / len(cases)
    print(f"{len(cases) - len(missed)} of {len(cases)}", *missed, sep="\n")
    assert share >= OF_GNPARSERS_CASES[parser.name], missed


around = st.sampled_from(
    ["{}", "  {} ", '"{}"', "'{}'", "({})", "[{}]", "{}.", "{},", "{};", "{}?", "1. {}", "<i>{}</i>", "&quot;{}&quot;",
     "†{}", "{} (male)", "{}\u00a0"]
)  # fmt: skip
PLAIN = [
    row
    for row in LABELS
    if row["class"] in ("hybrid", "hybrid-formula", "infraspecific", "subgenus") and "(" not in row["label"]
]


@EACH_PARSER
@given(row=st.sampled_from(PLAIN), frame=around)
@settings(max_examples=150, deadline=None)
def test_what_is_around_a_name_makes_no_difference(parser: Parser, row: dict[str, str], frame: str) -> None:
    plain, framed = parse(row["label"], parser), parse(frame.format(row["label"]), parser)
    assert framed[:3] == plain[:3]


pieces = st.sampled_from(
    ["Turdus", "merula", "T.", "×", "x", "+", "cf.", "sp.", "sp. 3", "(Merula)", "L.", "(Linnaeus, 1758)", "&", "/",
     "or", "'Peace'", "var.", "alba", "Common", "blackbird", "unknown", "virus", "Candidatus", "TURDUS", "BOLD:AAA1234",
     "?", ",", "1758", "agg.", "subgen.", "Family", "ë", "Ø", "—", '"', "(", ")", "]", "<i>", "&amp;", "group"]
)  # fmt: skip


@EACH_PARSER
@given(st.lists(pieces, max_size=7).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_pieces_of_labels_in_any_order_give_a_name_that_is_stable(parser: Parser, label: str) -> None:
    parsed = parse(label, parser)
    assert parse(parsed.canonical, parser)[:3] == parsed[:3]
    assert parse_columns("Turdus", label, parser).genus is not None
