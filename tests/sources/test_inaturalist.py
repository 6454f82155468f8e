"""iNaturalist's Open Data and its exports: lineages, addresses, filters; no row is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from listed_inputs import OBSERVATIONS, OBSERVERS, PHOTOS, TAXA, listed, open_data

from treeoflife.core.database import Database
from treeoflife.core.values import RANKS
from treeoflife.errors import ConfigError, InputError
from treeoflife.sources.registry import load_source

PAGES, STATIC = "https://www.inaturalist.org/observations", "https://static.inaturalist.org/photos"
HOST = "https://inaturalist-open-data.s3.amazonaws.com/photos"


def by_photo(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The rows by photograph; of a photograph with several, the last."""
    return {row["photo_id"]: row for row in rows}


def lineage(taxon: str) -> dict[str, str]:
    """The ranks of a taxon, counted a second way: by following each number of its ancestry."""
    taxa = {row[0]: row for row in TAXA}
    ranks = dict.fromkeys(RANKS, "")
    for one in [*taxa[taxon][1].split("/"), taxon] if taxon in taxa else []:
        if one in taxa and taxa[one][3] in ranks:
            ranks[taxa[one][3]] = taxa[one][4]
    return ranks


@pytest.mark.parametrize("ending", [".csv.gz", ".csv"])
def test_every_photograph_has_the_lineage_of_its_taxon(tmp_path: Path, database: Database, ending: str) -> None:
    rows = listed(database, "inaturalist", open_data(tmp_path / "inat", ending))
    assert sorted(row["photo_id"] for row in rows) == sorted(int(photo[1]) for photo in PHOTOS)
    taxon_of = {row[0]: row[5] for row in OBSERVATIONS}
    for row in rows:
        assert {rank: row[rank] for rank in RANKS} == lineage(taxon_of[row["observation"]])
        assert not row["problem"]


def test_a_name_of_another_rank_is_no_name_of_a_genus_or_species(tmp_path: Path, database: Database) -> None:
    """A subspecies is; of a tribe, the ranks above are known and no more."""
    rows = by_photo(listed(database, "inaturalist", open_data(tmp_path / "inat")))
    names = {number: (row["scientific_name"], row["taxon_rank"]) for number, row in rows.items()}
    assert names[101] == ("Turdus merula", "species")
    assert names[104] == ("", "tribe")
    assert names[106] == ("", "stateofmatter")
    assert names[108] == names[109] == ("", "")
    (subspecies,) = [
        row for row in listed(database, "inaturalist", tmp_path / "inat") if row["observation"] == "o-subspecies"
    ]
    assert (subspecies["scientific_name"], subspecies["species"]) == ("Turdus merula merula", "Turdus merula")


def test_what_is_odd_about_a_taxon_is_a_flag(tmp_path: Path, database: Database) -> None:
    rows = by_photo(listed(database, "inaturalist", open_data(tmp_path / "inat")))
    flags = {number: row["flags"] for number, row in rows.items() if row["flags"]}
    assert flags == {105: "inactive-taxon", 107: "unknown-ancestor", 109: "unknown-taxon"}


def test_addresses_keep_the_ending_of_the_file_and_have_the_size(tmp_path: Path, database: Database) -> None:
    open_data(tmp_path / "inat")
    for size in ("medium", "original"):
        rows = by_photo(listed(database, "inaturalist", tmp_path / "inat", size=size))
        expected = {int(one[1]): f"{HOST}/{one[1]}/{size}.{one[4]}" for one in PHOTOS}
        assert {number: row["url"] for number, row in rows.items()} == expected
    rows = by_photo(listed(database, "inaturalist", tmp_path / "inat", photos_url="http://127.0.0.5:8/p/"))
    assert rows[104]["url"] == "http://127.0.0.5:8/p/104/medium."


def test_provenance_and_groups(tmp_path: Path, database: Database) -> None:
    """Quotation marks are text; an observer without a name has the login, one that is unknown the number."""
    rows = by_photo(listed(database, "inaturalist", open_data(tmp_path / "inat")))
    assert rows[101]["copyright_owner"] == OBSERVERS[0][2]
    assert [rows[one]["copyright_owner"] for one in (103, 108)] == ["ben", ""]
    assert [rows[one]["observer"] for one in (101, 103, 108)] == ["ada", "ben", "9"]
    assert rows[101]["place"] == "51.26,4.41"
    assert [rows[one]["place"] for one in (104, 105)] == ["0.00,179.99", "51.34,4.44"]
    of_subspecies = [row for row in rows.values() if row["observation"] == "o-subspecies"]
    assert all(row["place"] == "" for row in of_subspecies)
    one = rows[102]
    assert (one["source_id"], one["data_source"], one["license_name"]) == ("102", "inaturalist", "CC-BY-NC")
    assert one["source_url"] == "https://www.inaturalist.org/photos/102"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"taxa": ["Turdus"]}, {101, 102, 103, 105}),
        ({"taxa": ["turdus merula"]}, {101, 102, 103}),
        ({"taxa": ["901", "900"]}, {104, 103}),
        ({"taxa": ["1"], "positions": [0]}, {101, 103, 104, 105}),
        ({"licences": ["cc0"]}, {103, 108, 109, 110}),
        ({"quality_grades": ["casual"]}, {106, 108, 109}),
        ({"positions": [1, 2]}, {102, 103}),
        ({"taxa": ["903"]}, {107}),
    ],
)
def test_filters_take_taxa_with_all_below_them(
    tmp_path: Path, database: Database, settings: dict[str, Any], expected: set[int]
) -> None:
    rows = listed(database, "inaturalist", open_data(tmp_path / "inat"), **settings)
    assert {row["photo_id"] for row in rows} == expected
    assert not any(row["problem"] for row in rows)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"taxa": ["Parus"]}, "no 'Parus'"),
        ({"taxa": ["77777"]}, "no '77777'"),
        ({"taxa": ["Morus"]}, r"several taxa .* 903 \(genus\), 904 \(genus\)"),
        ({"licences": ["CC-BY-ND"]}, "no photograph .* is left"),
    ],
)
def test_a_filter_that_fits_nothing_or_two_taxa_is_named(
    tmp_path: Path, database: Database, settings: dict[str, Any], words: str
) -> None:
    open_data(tmp_path / "inat")
    with pytest.raises(InputError, match=words):
        listed(database, "inaturalist", tmp_path / "inat", **settings)


def test_a_row_of_photographs_that_cannot_be_read_is_a_problem_whatever_the_filters(
    tmp_path: Path, database: Database
) -> None:
    """Nobody knows what it is of. So is one of an observation that is not there, unless observations are left out."""
    photos = [*PHOTOS[:2], ("p3", "x7", *PHOTOS[0][2:]), PHOTOS[0][:4], ("p9", "109", "o-absent", *PHOTOS[0][3:])]
    open_data(tmp_path / "inat", photos=photos)
    problems = sorted(row["problem"] for row in listed(database, "inaturalist", tmp_path / "inat") if row["problem"])
    assert problems == [
        "its observation o-absent is not in the table of observations",
        "line 4 of photos: its photo_id x7 is no number",
        "line 5 of photos.csv.gz has 4 fields in place of 9",
    ]
    filtered = listed(database, "inaturalist", tmp_path / "inat", taxa=["Turdus"], positions=[0])
    assert [row["photo_id"] for row in filtered if not row["problem"]] == [101]
    assert sorted(row["problem"] for row in filtered if row["problem"]) == problems[1:]


@pytest.mark.parametrize("name", ["observations", "taxa", "observers"])
def test_a_damaged_row_of_another_table_is_an_error(tmp_path: Path, database: Database, name: str) -> None:
    open_data(tmp_path / "inat", **{name: [("1", "2"), *TAXA[:0]]})
    with pytest.raises(InputError, match=rf"line 2 of {name}\.csv\.gz has 2 fields"):
        listed(database, "inaturalist", tmp_path / "inat")


def test_a_packed_table_that_ends_early_is_an_error(tmp_path: Path, database: Database) -> None:
    path = open_data(tmp_path / "inat") / "photos.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"photos\.csv\.gz cannot be read to its end"):
        listed(database, "inaturalist", tmp_path / "inat")


def test_missing_repeated_and_packed_tables_are_named(tmp_path: Path) -> None:
    folder = open_data(tmp_path / "inat")
    source = load_source("inaturalist", {"path": str(folder)}, tmp_path)
    assert [path.name for path in source.tables()] == [  # type: ignore[attr-defined]
        "photos.csv.gz", "observations.csv.gz", "taxa.csv.gz", "observers.csv.gz",
    ]  # fmt: skip
    (folder / "taxa.csv").write_text("x")
    with pytest.raises(InputError, match=r"taxa\.csv and taxa\.csv\.gz: keep one"):
        source.tables()  # type: ignore[attr-defined]
    for path in folder.glob("taxa*"):
        path.unlink()
    with pytest.raises(InputError, match=r"lacks taxa\.csv\.gz"):
        source.tables()  # type: ignore[attr-defined]
    for path in folder.iterdir():
        path.unlink()
    (folder / "inaturalist-open-data-latest.tar.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"unpack inaturalist-open-data-latest\.tar\.gz"):
        source.tables()  # type: ignore[attr-defined]


EXPORT = (
    """\
id,uuid,user_login,url,image_url,license,latitude,longitude,scientific_name,common_name,quality_grade,taxon_class_name
7,u-7,ada,PAGES/7,HOST/101/medium.JPG,CC-BY,51.26,4.41,Turdus merula,"A, b",research,Aves
8,u-8,ben,,STATIC/102/medium.jpeg?17,,,,Apis mellifera,,needs_id,Insecta
9,u-9,ben,,,CC0,,,Apis mellifera,,research,Insecta
10,u-10,ben,,https://example.org/x.jpg,CC0,,,Apis mellifera,,research,Insecta
""".replace("HOST", HOST)
    .replace("STATIC", STATIC)
    .replace("PAGES", PAGES)
)


def test_an_export_lists_the_first_photograph_of_each_observation(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "observations-123.csv"
    path.write_text(EXPORT)
    rows = by_photo(listed(database, "inaturalist", path, size="large"))
    one, other = rows[101], rows[102]
    assert one["url"] == f"{HOST}/101/large.JPG"
    assert other["url"] == f"{STATIC}/102/large.jpeg?17"
    assert (one["scientific_name"], one["class"], one["common_name"]) == ("Turdus merula", "Aves", "A, b")
    assert [one[name] for name in ("observation", "observer", "place", "license_name", "copyright_owner")] == [
        "u-7", "ada", "51.26,4.41", "CC-BY", "ada",
    ]  # fmt: skip
    assert [one["source_url"], other["source_url"]] == [f"{PAGES}/{number}" for number in (7, 8)]
    problems = [row["problem"] for row in listed(database, "inaturalist", path) if row["photo_id"] is None]
    assert problems == [
        "observations-123.csv, line 4: the observation has no photograph",
        "observations-123.csv, line 5: image_url is no photograph of iNaturalist",
    ]
    source = load_source("inaturalist", {"path": str(path)}, tmp_path)
    assert any("only the first photograph" in remark for remark in source.remarks())


def test_the_columns_of_an_export_say_of_which_rank_its_names_are(tmp_path: Path, database: Database) -> None:
    ranks = "taxon_class_name,taxon_family_name,taxon_tribe_name,taxon_genus_name,taxon_species_name"
    names = [
        ("Apini", "Insecta,Apidae,Apini,,"), ("Insecta", "Insecta,,,,"), ("Apis cerana", "Insecta,Apidae,Apini,Apis,"),
        ("Apis mellifera", "Insecta,Apidae,Apini,Apis,Apis mellifera"), ("Anthophila", "Insecta,,,,"), ("", ",,,,"),
    ]  # fmt: skip
    lines = [f"{HOST}/{number}/medium.jpg,{name},{lineage}" for number, (name, lineage) in enumerate(names)]
    path = tmp_path / "observations-6.csv"
    path.write_text("\n".join([f"image_url,scientific_name,{ranks}", *lines]))
    rows = by_photo(listed(database, "inaturalist", path))
    assert [rows[number]["taxon_rank"] for number in range(6)] == ["tribe", "class", "", "species", "", ""]


def test_several_files_of_an_export_are_one_source_and_are_filtered(tmp_path: Path, database: Database) -> None:
    lines = EXPORT.splitlines(keepends=True)
    (tmp_path / "observations-1.csv").write_text("".join(lines[:2]))
    (tmp_path / "observations-2.csv").write_text(lines[0] + lines[2])
    assert by_photo(listed(database, "inaturalist", tmp_path)).keys() == {101, 102}
    assert by_photo(listed(database, "inaturalist", tmp_path, taxa=["Aves"])).keys() == {101}
    assert by_photo(listed(database, "inaturalist", tmp_path, quality_grades=["needs_id"])).keys() == {102}
    with pytest.raises(InputError, match="no photograph"):
        listed(database, "inaturalist", tmp_path, positions=[1])


def test_an_export_without_photographs_is_answered_with_what_to_tick(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "observations-5.csv"
    path.write_text("id,scientific_name\n1,Apis mellifera\n")
    with pytest.raises(InputError, match="lacks the column image_url"):
        listed(database, "inaturalist", path)


def test_a_list_of_other_addresses_is_not_blamed_on_filters(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "photographs.csv"
    path.write_text("image_url,scientific_name\n,Apis mellifera\n")
    with pytest.raises(InputError, match=r"no address of a photograph of iNaturalist; another list .* kind urls"):
        listed(database, "inaturalist", path)


def test_a_size_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="size"):
        load_source("inaturalist", {"path": "x", "size": "huge"}, tmp_path)


def test_an_export_that_cannot_tell_what_is_below_a_taxon_is_refused(tmp_path: Path, database: Database) -> None:
    path = tmp_path / "observations-1.csv"
    lines = [f"{n},{STATIC}/{n}/medium.jpg,{name}" for n, name in enumerate(["Turdus merula,12716", "Turdus,12705"], 1)]
    path.write_text("\n".join(["id,image_url,scientific_name,taxon_id", *lines]))
    with pytest.raises(InputError, match="none of the columns taxon_kingdom_name"):
        listed(database, "inaturalist", path, taxa=["Turdus"])
    with pytest.raises(InputError, match="what is below the taxon 12705"):
        listed(database, "inaturalist", path, taxa=["12705"])


def test_numbers_in_addresses_elsewhere_are_no_photographs_of_inaturalist(tmp_path: Path, database: Database) -> None:
    """That of a person would make one image of all her photographs, with the id of somebody else's."""
    path = tmp_path / "observations-1.csv"
    urls = [f"https://photos.example/photos/77/{n}.jpg" for n in (1, 2)]
    urls.append("https://static.inaturalist.org/photos/77/medium.jpg")
    path.write_text("image_url,scientific_name\n" + "".join(f"{url},Apis mellifera\n" for url in urls))
    rows = listed(database, "inaturalist", path)
    assert sorted((row["photo_id"] or 0, row["problem"]) for row in rows) == [
        (0, "observations-1.csv, line 2: image_url is no photograph of iNaturalist"),
        (0, "observations-1.csv, line 3: image_url is no photograph of iNaturalist"),
        (77, ""),
    ]


def test_an_export_beside_the_open_data_is_not_passed_over(tmp_path: Path) -> None:
    folder = open_data(tmp_path / "inat")
    (folder / "observations-1.csv").write_text(EXPORT)
    source = load_source("inaturalist", {"path": str(folder)}, tmp_path)
    with pytest.raises(InputError, match=r"Open Data and an export, observations-1\.csv"):
        source.tables()  # type: ignore[attr-defined]
