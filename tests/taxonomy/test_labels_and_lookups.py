"""Labels of BIOSCAN as text, and the published lookups: every row is a label or a name, or the error says which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from treeoflife.core.values import Label
from treeoflife.errors import InputError
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.lookups import read_lookup

HEADER = ["sampleid", "order", "family", "genus", "species", "image_file", "chunk_number"]
ROWS = [
    ["a", "Diptera", "Muscidae", "Musca", "Musca domestica", "a.jpg", "1"],
    ["b", "Diptera", "", "", "", "b.jpg", "2"],
]


def labels(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[Label]:
    (path := tmp_path / "metadata.tsv").write_bytes(text.encode(encoding))
    return list(load_source("bioscan", {"path": tmp_path, "metadata": path}, tmp_path).labels())


def table(delimiter: str = "\t", line_end: str = "\n") -> str:
    return "".join(delimiter.join(row) + line_end for row in [HEADER, *ROWS])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", ["\t", ",", ";"])
def test_bioscans_table_is_read_whatever_its_delimiter_encoding_and_line_ends(
    delimiter: str, line_end: str, encoding: str, tmp_path: Path
) -> None:
    read = labels(tmp_path, table(delimiter, line_end), encoding)
    assert [(label.name_key, label.taxon.genus) for label in read] == [("1/a.jpg", "Musca"), ("2/b.jpg", "")]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("cp1252", "metadata.tsv is not UTF-8 and was read as Windows-1252"), ("utf-8", ""), ("utf-16", "")],
)
def test_an_encoding_that_had_to_be_guessed_is_said(tmp_path: Path, encoding: str, said: str) -> None:
    (tmp_path / "metadata.tsv").write_bytes(table().replace("Musca", "M\u00fcsca").encode(encoding))
    source = load_source("bioscan", {"path": tmp_path, "metadata": tmp_path / "metadata.tsv"}, tmp_path)
    remarks = source.remarks()
    assert len(remarks) == bool(said)
    assert all(said in remark for remark in remarks)
    assert next(source.labels()).taxon.genus == "Müsca"


def test_numbers_of_parts_written_as_floats_and_headers_in_capitals_lose_no_label(tmp_path: Path) -> None:
    text = table().replace("\t1\n", "\t1.0\n").replace("\t2\n", "\t02\n").replace("chunk_number", "Chunk Number")
    assert [label.name_key for label in labels(tmp_path, text)] == ["1/a.jpg", "2/b.jpg"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("\t2\n", "\t2\t3\n", "line 3: has 8 fields"), ("\t2\n", "\tx\n", "lacks image_file or chunk_number"),
        ("chunk_number", "chunk", "lacks the column chunk_number"), ("sampleid", "order", "two columns called 'order'"),
        ("\t2\n", "", "ends in the middle of line 3"),
    ],
)  # fmt: skip
def test_bioscans_table_with_a_row_that_cannot_be_told_is_an_error(
    old: str, new: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason):
        labels(tmp_path, table().replace(old, new))


RECORD = {"chunk_number": "1", "image_file": "a.jpg", "order": "Diptera", "genus": "Musca"}


def json_labels(tmp_path: Path, document: Any) -> list[tuple[str, str]]:
    text = document if isinstance(document, str) else json.dumps(document)
    return [(label.name_key, label.taxon.genus) for label in labels(tmp_path, text)]


@pytest.mark.parametrize(
    "changed",
    [
        {"genus": ["a", "b"]}, {"genus": {"a": "b"}}, {"genus": {"@value": ["a"]}}, {"genus": True}, {"genus": 5},
        {"genus": 0}, {"genus": []}, {"image_file": None}, {"image_file": ""}, {"image_file": " "},
        {"image_file": ["a"]}, {"image_file": 5}, {"chunk_number": True}, {"chunk_number": ""}, {"chunk_number": ["1"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_of_bioscan_with_a_value_that_is_no_text_is_shown(changed: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'order': 'Diptera'") as error:
        json_labels(tmp_path, [RECORD | changed])
    assert next(iter(changed)) in str(error.value)


@pytest.mark.parametrize(
    ("record", "genus"),
    [
        (RECORD | {"genus": None}, ""), (RECORD | {"genus": {"@value": "Musca"}}, "Musca"),
        (RECORD | {"image_file": {"@value": "a.jpg"}, "chunk_number": 1}, "Musca"),
        ({"Chunk_Number": 1.0, "imageFile": "a.jpg", "Genus": "Musca"}, "Musca"),
    ],
    ids=str,
)  # fmt: skip
def test_records_of_bioscan_as_json_ld_may_write_them_are_read(
    record: dict[str, Any], genus: str, tmp_path: Path
) -> None:
    assert json_labels(tmp_path, {"@context": {"@graph": [1]}, "@graph": [record]}) == [("1/a.jpg", genus)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"chunk_number": 1, "image_file": "a.jpg", "genus": "A", "genus": "B"}]', "'genus' occurs twice.*a.jpg"),
        (f'{{"@graph": [{json.dumps(RECORD)}], "\\u0040graph": [{json.dumps(RECORD)}]}}', "'@graph' twice"),
        ('[{"chunk_number": 1, "image_file": "a.jpg", "Genus": "A", "GENUS": "B"}]', "several keys genus"),
        ("[5]", "record that is no object: 5"),
    ],
)
def test_bioscans_records_of_which_a_part_would_be_lost_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        json_labels(tmp_path, text)


def test_a_second_list_of_bioscans_records_is_noticed_across_the_pieces_in_which_a_file_is_read(tmp_path: Path) -> None:
    text = f'{{"@graph": [], "a": "{"x" * 1_048_550}", "@graph": [{json.dumps(RECORD)}]}}'
    assert text.rindex('"@graph') == (1 << 20) - 2
    with pytest.raises(InputError, match="'@graph' twice"):
        json_labels(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "chunk_number\timage_file\tGenre\n1\ta.jpg\tMusca\n",
        "chunk_number\timage_file\tGenre\torder\n1\ta.jpg\tMusca\t\n",
        json.dumps([{"chunk_number": 1, "image_file": "a.jpg", "Genre": "Musca"}]),
        json.dumps([{"chunk_number": 1, "image_file": "a.jpg", "Genre": "Musca", "order": None}]),
    ],
)
def test_metadata_of_bioscan_without_any_rank_are_refused_with_what_they_have(text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has a rank .* it has chunk_number, image_file, Genre"):
        labels(tmp_path, text)


def test_a_byte_order_mark_before_bioscans_json_loses_no_record(tmp_path: Path) -> None:
    document = json.dumps({"@graph": [RECORD]})
    assert [label.name_key for label in labels(tmp_path, document, "utf-8-sig")] == ["1/a.jpg"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_bioscans_json_in_another_encoding_is_a_sentence(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"JSON in {encoding.upper()}; save it as UTF-8"):
        labels(tmp_path, json.dumps([RECORD]), encoding)


def test_a_fault_in_bioscans_json_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: lexical error: [^\n]*\Z"):
        labels(tmp_path, '[{"chunk_number": x}]')


def lookup(tmp_path: Path, content: str) -> Path:
    (path := tmp_path / "eol_name_lookup.json").write_text(content, encoding="utf-8")
    return path


def entry(genus: Any = "Parus", common: Any = "tit") -> list[Any]:
    return [["Animalia", "", "", "", "", genus, "major"], common, []]


def test_pages_of_a_lookup_are_whole_numbers_however_they_are_written(tmp_path: Path) -> None:
    path = lookup(tmp_path, json.dumps({"5001.0": entry(), "5,002": entry(), " 5003": entry()}))
    assert read_lookup(path, "eol", is_numbered=True)["name_key"].to_list() == ["5001", "5002", "5003"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{}", "names nothing: it has 0 keys"),
        (json.dumps({"1": [[None] * 7, None]}), "names nothing: it has 1 keys"),
        (json.dumps({"5e3": entry()}), "key '5e3': is no whole number"),
        (json.dumps({"": entry()}), "is no whole number"),
        (json.dumps({"1": entry(), "1.0": entry("Larus")}), "names the key '1' twice"),
        (json.dumps({"1": entry(5)}), "key '1': its ranks and common name are not all text"),
        (json.dumps({"1": entry("Parus", ["tit"])}), "not all text"),
    ],
)  # fmt: skip
def test_a_lookup_that_cannot_be_told_is_an_error(content: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_lookup(lookup(tmp_path, content), "eol", is_numbered=True)
    assert "eol_name_lookup.json" in str(error.value)
