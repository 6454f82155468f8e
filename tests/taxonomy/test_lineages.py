"""From rows of a checklist to names with seven ranks: parents, synonyms, cycles, orphans, odd names."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
from checklist_archives import lineage

from treeoflife.core.database import Database
from treeoflife.core.values import RANKS
from treeoflife.taxonomy.checklists.checklist import NAMES
from treeoflife.taxonomy.checklists.lineages import write_names
from treeoflife.taxonomy.checklists.names import plain_rank, with_plain_names
from treeoflife.taxonomy.checklists.rows import ROWS
from treeoflife.taxonomy.parsing.parsers import make_parser
from treeoflife.taxonomy.providers.table_count import TableCount

CATS = [
    ("1", "", "", "Metazoa", "kingdom"), ("2", "1", "", "Chordata", "phylum"), ("3", "2", "", "Mammalia", "class"),
    ("4", "3", "", "Carnivora", "order"), ("5", "4", "", "Felidae", "family"), ("6", "5", "", "Panthera", "genus"),
    ("7", "6", "", "Panthera leo", "species"),
]  # fmt: skip
LION = "Animalia Chordata Mammalia Carnivora Felidae Panthera leo"


def rows(*given: tuple[str, ...], **columns: str) -> pl.DataFrame:
    """Rows of id, parent, accepted name, name and rank."""
    frame = pl.DataFrame(given, schema=["id", "parent", "accepted", "name", "rank"], orient="row")
    frame = frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    missing = [pl.lit("accepted" if name == "status" else "").alias(name) for name in ROWS if name not in frame.columns]
    return frame.with_columns(missing).select(ROWS.names())


@pytest.fixture
def write(database: Database, tmp_path: Path):
    def write(*frames: pl.DataFrame) -> tuple[dict[str, dict[str, str]], TableCount]:
        path = tmp_path / "names.parquet"
        count = write_names(database, frames, path, make_parser("gnparser"), source="list", file="taxa")
        found = pl.read_parquet(path, glob=False)
        assert found.schema == NAMES
        assert found.null_count().sum_horizontal().item() == 0
        assert found["name"].is_sorted()
        from_rows = found.filter(~pl.col("id").str.contains(" "))  # the others stand in columns alone
        assert from_rows.height == count.used == count.rows - sum(count.left_out.values())
        assert found["id"].is_unique().all()
        return {row["id"]: row for row in found.to_dicts()}, count

    return write


def test_a_name_has_the_ranks_down_to_itself(write) -> None:
    found, _ = write(
        rows(*CATS, ("8", "5", "", "Pantherinae", "subfamily"), ("9", "6", "", "Panthera (Uncia)", "subgenus"))
    )
    assert lineage(found["7"]) == LION
    assert lineage(found["5"]) == "Animalia Chordata Mammalia Carnivora Felidae - -"
    assert (found["8"]["rank"], lineage(found["8"])) == ("subfamily", lineage(found["5"]))
    assert (found["9"]["name"], lineage(found["9"])) == (
        "Uncia",
        "Animalia Chordata Mammalia Carnivora Felidae Panthera -",
    )


def test_synonyms_have_the_ranks_of_what_they_lead_to(write) -> None:
    """Also over other synonyms, over a subspecies, and where children hang below a synonym."""
    found, count = write(
        rows(
            *CATS, ("8", "", "7", "Felis leo", "species"), ("9", "", "8", "Leo leo", "species"),
            ("10", "7", "", "Panthera leo persica", "subspecies"), ("11", "", "10", "Felis persicus", "species"),
            ("12", "", "6", "Leo", "genus"), ("13", "12", "", "Panthera onca", "species"),
            ("14", "7", "7", "Panthera leo Linnaeus, 1758", "species"), ("15", "", "15", "Panthera tigris", "species"),
        )
    )  # fmt: skip
    assert [lineage(found[one]) for one in ("8", "9", "11")] == [LION] * 3
    assert {found[one]["accepted"] for one in ("8", "9", "11")} == {"Panthera leo"}
    assert lineage(found["13"]) == LION.replace("leo", "onca")
    assert (found["15"]["status"], lineage(found["15"])) == ("accepted", "- - - - - Panthera tigris")
    assert "14" not in found  # it says nothing beyond the accepted name
    assert count.left_out["of taxa below the species"] == 1


def test_what_leads_nowhere_is_left_out_and_counted(write) -> None:
    found, count = write(
        rows(
            ("1", "2", "", "Aus", "genus"), ("2", "1", "", "Aidae", "family"), ("3", "1", "", "Aus bus", "species"),
            ("4", "4", "", "Cus", "genus"), ("5", "99", "", "Dus", "genus"), ("6", "", "98", "Eus", "genus"),
            ("7", "", "8", "Fus", "genus"), ("8", "", "7", "Gus", "genus"), ("9", "", "7", "Hus", "genus"),
        ),
        rows(("10", "", "", "Ius", "genus"), status="misapplied names"),
        rows(("5", "", "", "Dus again", "genus")),
        rows(("11", "", "", "", "genus"), ("12", "", "", "BOLD:AAA0001", ""), ("13", "", "", "Aus sp. 2", "species")),
        rows(("14", "", "", "Jus", "genus"), status="synonym"),
    )  # fmt: skip
    assert {one: lineage(row) for one, row in found.items()} == {
        "3": "- - - - - Aus bus", "4": "- - - - - Cus -", "5": "- - - - - Dus -",
    }  # fmt: skip
    assert {why: number for why, number in count.left_out.items() if number} == {
        "whose parents lead back to them": 2, "synonyms of a name that is not in it": 2, "synonyms of each other": 3,
        "misapplied names": 1, "with the id of another row": 1, "whose name is a code, a placeholder or none": 3,
    }  # fmt: skip
    assert count.remarks == (
        "1 of 5 rows with a parent name one that is not in it, and so have no ranks above their own",
    )


def test_the_classification_of_a_row_itself_counts_where_parents_say_nothing(write) -> None:
    flat = dict(zip(RANKS, ("Metazoa", "Chordata", "Aves", "not assigned", "PARIDAE"), strict=False))
    found, _ = write(
        rows(("1", "", "", "Parus major", "species"), **flat, genus="Parus"),
        rows(("2", "3", "", "Aus bus", "species"), kingdom="Plantae", family="Poaceae"),
        rows(("3", "4", "", "Aus", "genus"), ("4", "", "", "Animalia", "kingdom")),
        rows(("5", "", "1", "Parus maior", "species")),
    )
    assert lineage(found["1"]) == "Animalia Chordata Aves - Paridae Parus major" == lineage(found["5"])
    assert lineage(found["2"]) == "Animalia - - - Poaceae Aus bus"


def test_ranks_that_stand_in_columns_alone_are_names_too(write) -> None:
    """As in a list of species with their families. Most rows decide what is above a name; a namesake is its own."""
    cats = {"kingdom": "Animalia", "phylum": "Chordata", "class": "Mammalia", "order": "Carnivora", "family": "Felidae"}
    found, count = write(
        rows(("1", "", "", "Panthera leo", "species"), ("2", "", "", "Panthera onca", "species"), **cats),
        rows(("3", "", "", "Panthera pardus", "species"), **{**cats, "order": "Carnivores"}),
        rows(("4", "", "", "Felis", "genus"), ("5", "", "", "Felis catus", "species"), **cats),
        rows(("6", "", "", "Morus bassanus", "species"), kingdom="Animalia", family="Sulidae", genus="Morus"),
        rows(("7", "", "", "Morus alba", "species"), kingdom="Plantae", family="Moraceae", genus="Morus"),
        rows(("8", "", "1", "Leo leo", "species"), family="Leonidae"),
        rows(("9", "", "", "Oenanthe", "genus"), kingdom="Plantae", family="Apiaceae"),
        rows(("10", "", "", "Oenanthe hispanica", "species"), kingdom="Animalia", genus="Oenanthe"),
    )
    assert count.used == 10
    names = {name: lineage(row) for name, row in found.items() if " " in name}
    assert names["genus Panthera Animalia"] == "Animalia Chordata Mammalia Carnivora Felidae Panthera -"
    assert names["family Felidae Animalia"] == "Animalia Chordata Mammalia Carnivora Felidae - -"
    assert names["genus Morus Plantae"] == "Plantae - - - Moraceae Morus -"
    assert names["genus Morus Animalia"] == "Animalia - - - Sulidae Morus -"
    assert names["genus Oenanthe Animalia"] == "Animalia - - - - Oenanthe -"
    assert not {"genus Felis Animalia", "family Leonidae", "genus Oenanthe Plantae"} & names.keys()


def test_kingdoms_of_other_ranks_and_divisions(write) -> None:
    found, _ = write(
        rows(
            ("1", "", "", "Eukaryota", "domain"), ("2", "1", "", "Metazoa", "clade"),
            ("3", "2", "", "Chordata", "phylum"), ("4", "", "", "Bacteria", "domain"),
            ("5", "4", "", "Bacillati", "kingdom"), ("6", "5", "", "Bacillota", "phylum"),
            ("7", "", "", "Plantae", "kingdom"), ("8", "7", "", "Tracheophyta", "division"),
            ("9", "8", "", "Poa", "genus"), ("10", "3", "", "Mammalia", "class"),
            ("11", "10", "", "Carnivoramorpha", "division"), ("12", "11", "", "Felis", "genus"),
            ("13", "2", "", "Bacteria", "genus"), ("14", "13", "", "Bacteria ferula", "species"),
        )
    )  # fmt: skip
    assert lineage(found["3"]) == "Animalia Chordata - - - - -"
    assert lineage(found["6"]) == "Bacteria Bacillota - - - - -"
    assert (found["4"]["rank"], found["5"]["rank"], found["8"]["rank"]) == ("kingdom", "subkingdom", "phylum")
    assert lineage(found["9"]) == "Plantae Tracheophyta - - - Poa -"
    assert (found["11"]["rank"], lineage(found["12"])) == ("division", "Animalia Chordata Mammalia - - Felis -")
    assert lineage(found["14"]) == "Animalia - - - - Bacteria ferula"


def test_homonyms_are_rows_of_their_own(write) -> None:
    found, _ = write(
        rows(
            ("1", "", "", "Animalia", "kingdom"), ("2", "", "", "Plantae", "kingdom"),
            ("3", "1", "", "Oenanthe", "genus"), ("4", "2", "", "Oenanthe", "genus"),
            ("5", "", "3", "Saxicola", "genus"), ("6", "1", "", "Saxicola", "genus"),
        )
    )  # fmt: skip
    assert [found[one]["kingdom"] for one in "3456"] == ["Animalia", "Plantae", "Animalia", "Animalia"]
    assert [found[one]["status"] for one in "56"] == ["synonym", "accepted"]


def random_rows(seed: int) -> list[tuple[str, ...]]:
    """Rows with every fault: most of them belong to one of the rows before them, some to any."""
    draw = random.Random(seed)
    ids = [f"n{number}" for number in range(300)]
    given = []
    for number, one in enumerate(ids):
        near, anywhere = draw.choice(ids[max(0, number - 9) : number + 1]), draw.choice([*ids, "missing"])
        parent = draw.choices([near, anywhere, ""], [20, 79, 1])[0]
        # With more synonyms there are circles of them, with less of parents.
        weights = [20, 20, 58, 2] if seed % 2 else [80, 5, 10, 5]
        accepted = draw.choices(["", near, anywhere, "missing"], weights)[0]
        letters = "".join(chr(97 + int(digit)) for digit in str(number))
        given.append((one, parent, accepted, f"A{letters}idae", draw.choice([*RANKS[:6], "tribe", ""])))
    return given


def test_the_result_is_the_same_in_any_pieces_and_the_lineages_are_those_of_a_plain_walk(write) -> None:
    """Each node is followed by hand."""
    reasons: set[str] = set()
    for seed in range(4):
        given = random_rows(seed)
        found, count = write(rows(*given))
        assert (found, count) == write(*(rows(*given[start : start + 7]) for start in range(0, 300, 7)))
        by_hand = {one[0]: lineage_by_hand(one[0], {row[0]: row for row in given}) for one in given}
        assert {one: lineage(row) for one, row in found.items()} == {
            one: text for one, text in by_hand.items() if text is not None
        }
        reasons |= {why for why, number in count.left_out.items() if number}
    assert len(reasons) == 3


def lineage_by_hand(one: str, given: dict[str, tuple[str, ...]]) -> str | None:
    """The seven ranks of a node, one step after the other; None if it leads nowhere."""

    def taxon_of(one: str) -> str | None:
        seen = set()
        while one in given and given[one][2] not in ("", one):
            if one in seen:
                return None
            seen.add(one)
            one = given[one][2]
        return one if one in given else None

    def parent_of(one: str) -> str | None:
        parent = taxon_of(given[one][1]) if given[one][1] in given else None
        return None if parent == one else parent

    def is_on_cycle(one: str) -> bool:
        seen, at = set(), parent_of(one)
        while at is not None and at not in seen:
            if at == one:
                return True
            seen.add(at)
            at = parent_of(at)
        return False

    taxon = taxon_of(one)
    if taxon is None or is_on_cycle(taxon):
        return None
    found, at, own = dict.fromkeys(RANKS, "-"), taxon, given[taxon][4]
    while at is not None:
        _, _, _, name, rank = given[at]
        is_below = own in RANKS and rank in RANKS and RANKS.index(rank) > RANKS.index(own)
        if rank in RANKS and found[rank] == "-" and not is_below:
            found[rank] = name
        at = None if is_on_cycle(at) else parent_of(at)
    return " ".join(found.values())


@pytest.mark.parametrize("parser", ["gnparser", "simple"])
@pytest.mark.parametrize(
    ("name", "author", "rank", "expected"),
    [
        ("Panthera leo (Linnaeus, 1758)", "(Linnaeus, 1758)", "SPECIES", ("Panthera leo", "(Linnaeus, 1758)")),
        ("Panthera leo (Linnaeus, 1758)", "", "sp.", ("Panthera leo", "(Linnaeus, 1758)")),
        ("Mycale (Mycale) minor Hentschel, 1911", "", "species", ("Mycale minor", "Hentschel, 1911")),
        ("Salix × fragilis L.", "L.", "nothospecies", ("Salix × fragilis", "L.")),
        ("× Cupressocyparis", "", "genus", ("× Cupressocyparis", "")),
        ("Isoëtes lacustris L.", "", "species", ("Isoëtes lacustris", "L.")),
        ("Turkozelotes attavirus", "Chatzaki, 2019", "species", ("Turkozelotes attavirus", "Chatzaki, 2019")),
        ("Orthoebolavirus zairense", "", "species", ("Orthoebolavirus zairense", "")),
        ("Tobacco mosaic virus", "", "species", ("Tobacco mosaic virus", "")),
        ("Aedes (Stegomyia)", "Theobald, 1901", "subgenus", ("Stegomyia", "Theobald, 1901")),
        ("Rosa sect. Caninae DC.", "", "section", ("Caninae", "DC.")),
        ("FELIDAE", "", "family", ("Felidae", "")),
        ("Aus de Geer, 1773", "", "genus", ("Aus", "de Geer, 1773")),
        ("<i>Puma</i>", "", "genus", ("Puma", "")),
        ("Incertae sedis", "", "family", ("", "")),
        ("Anas platyrhynchos/rubripes", "", "species", ("", "")),
        ("Aus bus subsp. cus Mill.", "Mill.", "subspecies", ("", "Mill.")),
        ("Poa annua var. reptans Hausskn.", "", "", ("", "")),
        ("SH1234567.10FU", "", "", ("", "")),
    ],
)  # fmt: skip
def test_names_are_divided_by_their_patterns(
    name: str, author: str, rank: str, expected: tuple[str, str], parser: str
) -> None:
    frame = pl.DataFrame({"name": [name], "author": [author], "rank": [rank]})
    frame = frame.with_columns(plain_rank(pl.col("rank")).alias("rank"))
    ((found, written),) = with_plain_names(frame, make_parser(parser)).select("name", "author").rows()
    assert (found, written if name and expected[1] else expected[1]) == expected
