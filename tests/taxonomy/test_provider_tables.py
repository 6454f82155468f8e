"""Tables of the authorities: every row is read and counted, or the error names file, line and reason."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from treeoflife.config.tables import Names
from treeoflife.core.values import RANKS, Taxon
from treeoflife.errors import InputError
from treeoflife.taxonomy import findings
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.taxonomy.providers.authorities import Authorities
from treeoflife.taxonomy.providers.table_count import TableCount
from treeoflife.testing import taxonomies

SPECIES = [
    (Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Paridae", "Parus", "major"), "Great tit"),
    (Taxon("Animalia", "Chordata", "Aves", "Charadriiformes", "Laridae", "Larus", "canus"), "Möwe gull"),
    (Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "merula"), "Blackbird"),
    (Taxon("Animalia", "Chordata", "Aves", "Apodiformes", "Apodidae", "Apus", "apus"), "Swift"),
]
FILES = {
    "eol_tree": "taxon.tab", "eol_vernaculars": "vernacularnames.csv", "eol_scraped": "scraped_page_ids.csv",
    "itis": "species_level_taxonomy_chains.csv", "inaturalist": "inat/taxa.csv",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = dict(enumerate(SPECIES, 5001))
    taxonomies.write_eol(tmp_path, pages, {6001: "Pica pica", 6002: "Corvus corax"})
    taxonomies.write_itis(tmp_path, SPECIES)
    taxonomies.write_inaturalist(tmp_path / "inat", SPECIES)
    return tmp_path


def loaded(folder: Path, *keys: str) -> Authorities:
    paths = {key: folder / FILES[key] for key in keys}
    if "inaturalist" in paths:
        paths["inaturalist"] = folder / "inat"
    return authorities.load(Names.model_validate(paths), SimpleParser())


def species(authority: Authorities) -> set[str]:
    return set(authority.index.tables["species"].select(pl.concat_str("genus", "species", separator=" ")).to_series())


def rewritten(path: Path, change: Callable[[str], str], encoding: str = "utf-8") -> None:
    path.write_bytes(change(path.read_text(encoding="utf-8")).encode(encoding))


def count(authority: Authorities, file: str) -> TableCount:
    return next(table for table in authority.tables if table.file == file)


ALL = {f"{taxon.genus} {taxon.species}" for taxon, _ in SPECIES}
BIRD_TABLES = ["itis", "inaturalist", "eol_tree"]


@pytest.mark.parametrize("key", ["itis", "inaturalist"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_cost_no_name(folder: Path, key: str, delimiter: str, encoding: str) -> None:
    for path in (folder / FILES[key], folder / "inat/VernacularNames-english.csv"):
        rewritten(path, lambda text: text.replace(",", delimiter).replace("Great tit", "Möwe tit"), encoding)
    birds = loaded(folder, key)
    assert species(birds) == ALL
    assert "Möwe tit" in birds.vernaculars[key]["common"].to_list()
    file = Path(FILES[key]).name
    assert (count(birds, file).rows, count(birds, file).used) == (4, 4)
    if encoding == "cp1252" and key == "itis":
        assert "Windows-1252" in "".join(count(birds, file).warnings)


@pytest.mark.parametrize("key", BIRD_TABLES)
@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_headers_in_another_case_and_spaces_in_headers_cost_no_name(
    folder: Path, key: str, line_end: str
) -> None:
    def change(text: str) -> str:
        head, *rows = text.splitlines()
        delimiter = "\t" if "\t" in head else ","
        head = delimiter.join(f" {name.swapcase()} " for name in head.split(delimiter))
        return line_end.join([head, *rows, ""])

    rewritten(folder / FILES[key], change)
    assert species(loaded(folder, key)) == ALL


@pytest.mark.parametrize("note", ['5" lens', '"', 'the "great" one', '"opened'])
def test_quotation_marks_in_a_column_that_is_not_read_cost_no_row(folder: Path, note: str) -> None:
    def change(text: str) -> str:
        head, *rows = text.splitlines()
        marked = [f"{row}{note if number in (0, 2) else ''}" for number, row in enumerate(rows)]
        return "\n".join([head, *marked, ""])

    rewritten(folder / FILES["inaturalist"], change)
    birds = loaded(folder, "inaturalist")
    assert species(birds) == ALL
    assert count(birds, "taxa.csv").used == 4


def test_a_row_with_a_field_too_many_is_an_error_with_its_line(folder: Path) -> None:
    rewritten(folder / FILES["itis"], lambda text: text.replace("Paridae,Parus", "Parid,ae,Parus"))
    with pytest.raises(InputError, match=r"species_level_taxonomy_chains.csv, line 2: has 15 fields"):
        loaded(folder, "itis")


@pytest.mark.parametrize("written", ["{}.0", " {} ", "000{}", "{:,}", "{}.00", "'{:,}'", "+{}"])
def test_page_ids_are_whole_numbers_however_they_are_written(folder: Path, written: str) -> None:
    def quoted(page: int) -> str:
        value = written.format(page).strip("'")
        return f'"{value}"' if "," in value else value

    for page in range(5001, 5005):
        rewritten(folder / "vernacularnames.csv", lambda text, p=page: text.replace(f"\n{p},", f"\n{quoted(p)},"))
        rewritten(
            folder / "taxon.tab", lambda text, p=page: text.replace(f"\t{p}\t", f"\t{quoted(p)}\t".replace('"', ""))
        )
    for page in (6001, 6002):
        rewritten(folder / "scraped_page_ids.csv", lambda text, p=page: text.replace(f"{p},", f"{quoted(p)},"))
    birds = loaded(folder, "eol_tree", "eol_vernaculars", "eol_scraped")
    assert birds.eol_nodes is not None
    assert birds.scraped is not None
    assert {*birds.eol_nodes["page"]} - {""} == {"5001", "5002", "5003", "5004"}
    assert birds.scraped["page_id"].to_list() == ["6001", "6002"]
    assert birds.vernaculars["eol"].height == 4
    if written.strip() != "{}":
        assert any("not written as plain numbers" in one for table in birds.tables for one in table.warnings)


@pytest.mark.parametrize("wrong", ["5e3", "4.65E+07", "5001.5", "page 5001", "500.000"])
def test_a_page_id_that_is_no_whole_number_is_an_error_with_its_line(folder: Path, wrong: str) -> None:
    rewritten(folder / "scraped_page_ids.csv", lambda text: text.replace("6002,", f"{wrong},"))
    with pytest.raises(InputError, match=r"scraped_page_ids.csv, line 3: '.*' is no page_id"):
        loaded(folder, "eol_scraped")


def test_ids_of_nodes_written_as_floats_still_find_their_parents(folder: Path) -> None:
    def change(text: str) -> str:
        rows = [line.split("\t") for line in text.replace("EOL-0000000000", "10").splitlines()]
        return "\n".join("\t".join([r[0], *r[1:4], f"{r[4]}.0" if r[4].isdigit() else r[4], *r[5:]]) for r in rows)

    rewritten(folder / "taxon.tab", change)
    birds = loaded(folder, "eol_tree")
    assert birds.tree_findings.is_empty()
    assert set(birds.index.tables["species"]["family"]) == {"Paridae", "Laridae", "Turdidae", "Apodidae"}


def test_ids_of_taxa_written_as_floats_still_meet_their_common_names(folder: Path) -> None:
    rewritten(folder / "inat/VernacularNames-english.csv", lambda text: re.sub("\n(4000.),", r"\n\1.0,", text))
    assert loaded(folder, "inaturalist").vernaculars["inaturalist"].height == 4


def test_common_names_of_another_kingdom_of_ids_are_an_error(folder: Path) -> None:
    rewritten(folder / "inat/VernacularNames-english.csv", lambda text: text.replace("\n4000", "\n9000"))
    with pytest.raises(InputError, match=r"VernacularNames-english.csv gives no name: 0 of its 4 rows"):
        loaded(folder, "inaturalist")


@pytest.mark.parametrize("key", ["itis", "inaturalist", "eol_tree"])
@pytest.mark.parametrize("content", ["header", "nothing", "no names"])
def test_an_authority_without_a_usable_row_is_an_error_that_names_it(folder: Path, key: str, content: str) -> None:
    def change(text: str) -> str:
        head = text.splitlines(keepends=True)[0]
        delimiter = "\t" if "\t" in head else ","
        empty = delimiter * head.count(delimiter) + "\n"
        return {"header": head, "nothing": "", "no names": head + f"1{empty}2{empty}"}[content]

    rewritten(folder / FILES[key], change)
    with pytest.raises(InputError, match=Path(FILES[key]).name):
        loaded(folder, key)


@pytest.mark.parametrize("word", ["NA", "NULL", "None", "nan", "N/A", "#N/A", "#REF!"])
def test_words_for_no_value_are_no_names(folder: Path, word: str) -> None:
    rewritten(
        folder / FILES["itis"], lambda text: text.replace(",Apus apus\n", f",{word}\n").replace(",Apus,", f",{word},")
    )
    rewritten(folder / "scraped_page_ids.csv", lambda text: text.replace("Corvus corax", word))
    birds = loaded(folder, "itis", "eol_scraped")
    assert species(birds) - {""} == ALL - {"Apus apus"}
    assert count(birds, "scraped_page_ids.csv").sentence.endswith("left out: 1 without a page id or a name")


@pytest.mark.parametrize(
    ("damaged", "reason"), [("M\ufffdwe", "U+FFFD"), ("MÃ¶we", "read as Windows-1252"), ("itâ€™s", "read as Windows")]
)
@pytest.mark.parametrize("key", ["itis", "inaturalist", "eol_vernaculars"])
def test_text_that_was_damaged_before_is_kept_and_found(folder: Path, key: str, damaged: str, reason: str) -> None:
    for path in (folder / "vernacularnames.csv", folder / FILES["itis"], folder / "inat/VernacularNames-english.csv"):
        rewritten(path, lambda text: text.replace("Blackbird", damaged).replace("blackbird", damaged))
    birds = loaded(folder, "eol_tree", key)
    table = findings.of_tables(birds.tables).filter(pl.col("kind") == "damaged-text")
    assert table.height == 1
    assert reason in table["detail"][0]
    assert "1 texts" in table["detail"][0]
    assert "line 4" in table["detail"][0]
    name = "eol" if key == "eol_vernaculars" else key
    assert damaged.lower() in birds.vernaculars[name]["common"].str.to_lowercase().to_list()


def test_what_becomes_of_each_row_is_counted(folder: Path) -> None:
    rewritten(
        folder / "vernacularnames.csv", lambda text: text.replace(",eng,", ",fra,", 1) + "5001,Parus major,?,eng,x,,\n"
    )
    birds = loaded(folder, "eol_tree", "eol_vernaculars", "itis")
    assert count(birds, "vernacularnames.csv").sentence == (
        "3 of its 5 rows are used; left out: 1 in another language, 1 that say nothing or name no known taxon of the "
        "seven ranks"
    )
    table = findings.of_tables(birds.tables)
    assert table.filter(pl.col("kind") == "table")["value"].sort().to_list() == [
        "species_level_taxonomy_chains.csv", "taxon.tab", "vernacularnames.csv",
    ]  # fmt: skip


def test_vernaculars_of_which_none_is_english_are_an_error(folder: Path) -> None:
    rewritten(folder / "vernacularnames.csv", lambda text: text.replace(",eng,", ",fra,"))
    with pytest.raises(InputError, match="4 in another language; it needs names in English"):
        loaded(folder, "eol_tree", "eol_vernaculars")


def test_rows_cut_short_are_said_and_a_cut_end_is_an_error(folder: Path) -> None:
    path = folder / "inat/VernacularNames-english.csv"
    rewritten(path, lambda text: text.replace(",en,,,,English,,\n", "\n", 1))
    assert "fewer fields than the header, the first on line 2" in "".join(
        count(loaded(folder, "inaturalist"), path.name).warnings
    )
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InputError, match="ends in the middle of line"):
        loaded(folder, "inaturalist")


def test_a_header_that_is_repeated_is_an_error(folder: Path) -> None:
    rewritten(folder / FILES["itis"], lambda text: text.replace("terminal_vernacular_lang", "Kingdom", 1))
    with pytest.raises(InputError, match="two columns called 'Kingdom'"):
        loaded(folder, "itis")


def test_a_zip_is_read_as_strictly_as_a_folder(folder: Path) -> None:
    rewritten(folder / "inat/taxa.csv", lambda text: text.replace("species,\n", "species,a,b\n", 1))
    with zipfile.ZipFile(folder / "inat.zip", "w") as archive:
        for path in (folder / "inat").iterdir():
            archive.write(path, path.name)
    with pytest.raises(InputError, match=r"taxa.csv, line 2: has \d+ fields"):
        authorities.load(Names(inaturalist=folder / "inat.zip"), SimpleParser())


def resolved(tmp_path: Path, data: bytes) -> Authorities:
    (tmp_path / "resolved.jsonl").write_bytes(data)
    return authorities.load(Names(resolved=tmp_path / "resolved.jsonl"), SimpleParser())


ANSWER = {"Parus major": {"COL": dict(zip(RANKS, SPECIES[0][0], strict=True)) | {"species": "Parus major"}}}


def test_resolved_names_bear_a_byte_order_mark_and_blank_lines(tmp_path: Path) -> None:
    birds = resolved(tmp_path, ("\ufeff\n" + json.dumps(ANSWER) + "\n\n").encode())
    assert species(birds) == {"Parus major"}
    assert count(birds, "resolved.jsonl").sentence == "1 of its 1 rows are used"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "has no rows"), (b"\n \n", "has no rows"), (b'{"Parus major": {}}\n', "has no rows"),
        (b'{"Parus": {"COL": {"kingdom": "M\xf6we"}}}\n', "after line 0: is not UTF-8"),
        (json.dumps(ANSWER).encode() + b"\n[]\n", "line 2: expected"),
        (json.dumps(ANSWER).encode() + b"\n{\n", "line 2: expected"),
        (b'{"Parus": {"COL": {"kingdom": {"a": 1}}}}\n', "line 1: expected"),
        (b'{"Parus": {"COL": {"kingdom": 5}}}\n', "line 1: expected"),
        (b'{"NA": {"COL": {"kingdom": "NA"}}}\n', "0 of its 1 rows"),
    ],
)  # fmt: skip
def test_resolved_names_that_say_nothing_or_cannot_be_read_are_an_error(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason) as error:
        resolved(tmp_path, data)
    assert "resolved.jsonl" in str(error.value)


@pytest.mark.parametrize("content", ["no rows", "nulls", "numbers", "lists"])
def test_taxonopys_parquet_that_names_nothing_is_an_error(content: str, tmp_path: Path) -> None:
    values = {"no rows": [], "nulls": [None], "numbers": [5], "lists": [["Parus"]]}[content]
    frame = pl.DataFrame(dict.fromkeys(RANKS, values), schema=None if values else dict.fromkeys(RANKS, pl.String))
    frame.write_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"taxonopy|gives no name") as error:
        authorities.load(Names(taxonopy=tmp_path), SimpleParser())
    assert tmp_path.name in str(error.value)


def test_rows_of_taxonopy_are_counted_before_they_are_made_distinct(tmp_path: Path) -> None:
    rows = [dict(zip(RANKS, SPECIES[0][0], strict=True))] * 3 + [dict.fromkeys(RANKS)]
    pl.DataFrame(rows).write_parquet(tmp_path / "x.parquet")
    birds = authorities.load(Names(taxonopy=tmp_path), SimpleParser())
    assert count(birds, tmp_path.name).sentence == "3 of its 4 rows are used; left out: 1 without a name at any rank"


def zipped(folder: Path, prefix: str = "") -> Authorities:
    """What is read of iNaturalist's folder as a zip."""
    with zipfile.ZipFile(folder / "inat.zip", "w") as archive:
        for path in (folder / "inat").iterdir():
            archive.writestr(prefix + path.name, path.read_bytes())
    return authorities.load(Names(inaturalist=folder / "inat.zip"), SimpleParser())


@pytest.mark.parametrize("prefix", ["", "dwca/", "dwca\\"])
def test_inaturalists_tables_are_found_in_any_case_and_folder(folder: Path, prefix: str) -> None:
    (folder / "inat/taxa.csv").rename(folder / "inat/Taxa.CSV")
    (folder / "inat/VernacularNames-english.csv").rename(folder / "inat/VernacularNames-English.csv")
    for birds in (loaded(folder, "inaturalist"), zipped(folder, prefix)):
        assert species(birds) == ALL
        assert birds.vernaculars["inaturalist"].height == 4


def test_two_tables_of_inaturalist_that_fit_are_an_error(folder: Path) -> None:
    shutil.copy(folder / "inat/taxa.csv", folder / "inat/Taxa.csv")
    for load in (lambda: loaded(folder, "inaturalist"), lambda: zipped(folder)):
        with pytest.raises(InputError, match=r"two tables taxa.csv, 'Taxa.csv' and 'taxa.csv'; keep one"):
            load()


def test_that_inaturalist_has_no_english_names_is_said(folder: Path) -> None:
    (folder / "inat/VernacularNames-english.csv").rename(folder / "inat/VernacularNames-german.csv")
    for birds in (loaded(folder, "inaturalist"), zipped(folder)):
        assert "inaturalist" not in birds.vernaculars
        assert "holds no VernacularNames-english.csv" in "".join(count(birds, "taxa.csv").warnings)


def test_messages_on_inaturalists_zip_name_the_zip(folder: Path) -> None:
    """One without the taxa, and one of whose tables a row or everything cannot be used."""
    inat, taxa = folder / "inat", folder / "inat/taxa.csv"
    text = taxa.read_text()
    for content, message in (
        (None, "inat.zip holds no taxa.csv; it holds 'VernacularNames-english.csv'"),
        (text.replace("species,\n", "species,a,b\n", 1), "inat.zip/taxa.csv, line 2: has"),
        (text.splitlines()[0] + "\n", "inat.zip/taxa.csv"),
    ):
        taxa.unlink() if content is None else taxa.write_text(content)
        with pytest.raises(InputError, match=re.escape(f"{folder}/{message}")):
            zipped(folder)
    for path in inat.iterdir():
        path.unlink()
    with pytest.raises(InputError, match=r"inat holds no taxa.csv; it is empty"):
        loaded(folder, "inaturalist")
