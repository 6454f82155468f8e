"""Marks: none is lost, whoever saves them, and every file of them is understood or refused with a sentence."""

from __future__ import annotations

import csv
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import polars as pl
import pytest
from test_page import serving

import treeoflife as library
from helpers import built, cli, sentence
from treeoflife.errors import InputError
from treeoflife.selection import marks

IDS = [str(uuid.UUID(int=number)) for number in range(1, 61)]


def post(address: str, mark: object, **headers: str) -> tuple[int, Any]:
    """Send a mark to a page; returns the status and the answer."""
    data = mark if isinstance(mark, bytes) else json.dumps(mark).encode()
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("POST", "/api/marks", data, {"Content-Type": "application/json", **headers})
    with connection.getresponse() as answer:
        return answer.status, json.loads(answer.read())


def relabel(one: str, **names: str) -> dict[str, str]:
    return {"treeoflife_id": one, "verdict": "relabel", **names}


def drop(one: str) -> dict[str, str]:
    return {"treeoflife_id": one, "verdict": "drop"}


def ids_of(out: Path) -> list[str]:
    return library.open(out).catalog["treeoflife_id"].unique().sort().to_list()


def save(path: Path, mark: dict[str, str]) -> None:
    marks.save(path, path.with_name(".lock.marks"), mark)


def test_two_pages_keep_every_mark_that_they_answered(build_copy: Path) -> None:
    ids = ids_of(build_copy)[:100]
    with serving(build_copy) as one, serving(build_copy) as other, ThreadPoolExecutor(20) as pool:
        pages = [(one, other)[number % 2] for number in range(len(ids))]
        wanted = [relabel(treeoflife_id, genus=f"Genus{number}") for number, treeoflife_id in enumerate(ids)]
        assert [status for status, _ in pool.map(post, pages, wanted)] == [200] * len(ids)
    found = marks.read(build_copy / "marks.csv").by_key
    assert [found[treeoflife_id]["genus"] for treeoflife_id in ids] == [mark["genus"] for mark in wanted]


def test_the_page_keeps_what_is_edited_by_hand_meanwhile(build_copy: Path) -> None:
    """By an editor that appends, by one that replaces the file, and by one that removes a line."""
    ids, path = ids_of(build_copy), build_copy / "marks.csv"
    with serving(build_copy) as address:
        assert post(address, drop(ids[0]))[0] == 200
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{ids[1]},drop\n")
        assert post(address, drop(ids[2]))[0] == 200
        path.with_suffix(".new").write_bytes(path.read_bytes() + f"{ids[3]},drop\r\n".encode())
        path.with_suffix(".new").replace(path)
        assert post(address, drop(ids[4]))[0] == 200
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if ids[0] not in line), encoding="utf-8")
        assert post(address, drop(ids[5]))[0] == 200
    assert list(marks.read(path).by_key) == ids[1:6]


def test_threads_of_one_process_keep_every_mark(tmp_path: Path) -> None:
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda one: save(tmp_path / "marks.csv", drop(one)), IDS))
    assert list(marks.read(tmp_path / "marks.csv").by_key) == IDS


def test_a_reader_sees_whole_files_while_marks_are_saved(tmp_path: Path) -> None:
    path, done, counts = tmp_path / "marks.csv", threading.Event(), []

    def watch() -> None:
        while not done.is_set():
            counts.append(len(marks.read(path).by_key))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        for one in IDS:
            save(path, relabel(one, genus="Puma"))
        done.set()
        watching.result()
    assert counts == sorted(counts)


def test_marks_can_be_changed_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    save(path, drop(IDS[0]))
    save(path, relabel(IDS[1].upper(), genus="Puma", species="concolor"))
    save(path, relabel(IDS[0].upper(), genus="Felis"))
    assert {key: mark["genus"] for key, mark in marks.read(path).by_key.items()} == {IDS[0]: "Felis", IDS[1]: "Puma"}
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3
    for _ in range(2):  # removing what is not there changes nothing
        save(path, {"treeoflife_id": IDS[0], "verdict": ""})
    assert list(marks.read(path).by_key) == [IDS[1]]


def test_what_a_curator_wrote_stays_when_the_page_saves_a_mark(tmp_path: Path) -> None:
    """Further columns, their order, the delimiter, and letters of another encoding."""
    path = tmp_path / "marks.csv"
    path.write_bytes(f"reviewer;treeoflife_id;verdict;genus\r\nZoë;{IDS[0]};relabel;Puma\r\n".encode("cp1252"))
    save(path, relabel(IDS[1], genus="Felis", common="a; cat"))
    rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline=""), delimiter=";"))
    assert [row["reviewer"] for row in rows] == ["Zoë", ""]
    assert [(row["genus"], row["common"]) for row in rows] == [("Puma", ""), ("Felis", "a; cat")]


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """An editor that writes into the file itself empties it first; what it is about to write must not be lost."""
    path = tmp_path / "marks.csv"
    save(path, drop(IDS[0]))
    emptied = threading.Event()

    def edit() -> None:
        with path.open("w", encoding="utf-8") as file:
            emptied.set()
            time.sleep(0.1)
            file.write("treeoflife_id,verdict\n" + "".join(f"{one},drop\n" for one in IDS[2:]))

    with ThreadPoolExecutor(1) as pool:
        editing = pool.submit(edit)
        emptied.wait()
        save(path, drop(IDS[1]))
        editing.result()
    assert list(marks.read(path).by_key) == IDS[1:]


WAYS_TO_WRITE: list[Callable[[str], str]] = [
    str.upper, lambda one: f"{{{one}}}", lambda one: one.replace("-", ""), lambda one: f" urn:uuid:{one}",
]  # fmt: skip


@pytest.mark.parametrize("write", WAYS_TO_WRITE)
def test_an_id_is_known_however_it_is_written(build_copy: Path, write: Callable[[str], str]) -> None:
    one = ids_of(build_copy)[0]
    (build_copy / "marks.csv").write_text(f"treeoflife_id,verdict\n{write(one)},drop\n", encoding="utf-8")
    built(build_copy / "dataset.toml")
    reasons = pl.read_parquet(build_copy / "ledger/ledger.parquet").filter(treeoflife_id=one)["reason"].to_list()
    assert reasons == ["marked"]


def test_the_page_knows_an_id_however_it_is_written(build_copy: Path) -> None:
    one = ids_of(build_copy)[0]
    with serving(build_copy) as page:
        answers = [post(page, drop(write(one))) for write in WAYS_TO_WRITE]
        with urlopen(f"{page.rstrip('/')}/api/id/{one.upper()}", timeout=60) as found:
            assert found.status == 200
    assert [(status, answer["mark"]["treeoflife_id"]) for status, answer in answers] == [(200, one)] * len(answers)
    assert list(marks.read(build_copy / "marks.csv").by_key) == [one]


def test_a_mark_of_no_image_is_named_and_counted(build_copy: Path) -> None:
    one, stranger = ids_of(build_copy)[0], "00000000-0000-0000-0000-0000000000ff"
    lines = [f"{one},drop", f"{stranger},drop", "not-an-id,drop"]
    (build_copy / "marks.csv").write_text("\n".join(["treeoflife_id,verdict", *lines]) + "\n", encoding="utf-8")
    done = built(build_copy / "dataset.toml")
    assert "2 of the 3 marks do nothing" in done.stdout + done.stderr
    assert stranger in done.stdout + done.stderr
    findings = pl.read_parquet(build_copy / "findings/marks.parquet")
    assert set(findings["treeoflife_id"]) == {stranger, "not-an-id"}
    (build_copy / "marks.csv").write_text(f"treeoflife_id,verdict\n{one},drop\n", encoding="utf-8")
    built(build_copy / "dataset.toml")
    assert not (build_copy / "findings/marks.parquet").exists()


WRONG: dict[str, tuple[bytes, str]] = {
    "a line break in a name": (f'treeoflife_id,verdict,genus\n{IDS[0]},relabel,"Pu\nma"\n'.encode(), "line 2"),
    "a tab in a name": (f"treeoflife_id,verdict,genus\n{IDS[1]},drop,\n{IDS[0]},relabel,Pu\tma\n".encode(), "line 3"),
    "an escape in a name": (f"treeoflife_id,verdict,common,genus\n{IDS[0]},relabel,\x1b[2J,Puma\n".encode(), "line 2"),
    "a separator of lines": (f"treeoflife_id,verdict,genus\n{IDS[0]},relabel,Pu\u2028ma\n".encode(), "line 2"),
    "a NUL": (f"treeoflife_id,verdict,genus\n{IDS[0]},relabel,Pu\0ma\n".encode(), "line 2"),
    "a very long field": (f"treeoflife_id,verdict,genus\n{IDS[0]},relabel,{'x' * 200_000}\n".encode(), "line 2"),
    "a very long quoted note": (f'treeoflife_id,verdict,note\n{IDS[0]},drop,"{"x" * 200_000}\n"\n'.encode(), "line 2"),
    "an unknown verdict": (f"treeoflife_id,verdict\n{IDS[0]},drop\n{IDS[1]},dorp\n".encode(), "dorp"),
    "no verdict": (f"treeoflife_id,verdict\n{IDS[0]},\n".encode(), "line 2"),
    "no column of ids": (b"id,verdict\n1,drop\n", "treeoflife_id"),
    "no header": (f"{IDS[0]},drop\n".encode(), "treeoflife_id"),
    "a column twice": (f"treeoflife_id,verdict,genus,Genus\n{IDS[0]},relabel,a,b\n".encode(), "genus"),
    "too many fields": (f"treeoflife_id,verdict\n{IDS[0]},drop,x\n".encode(), "line 2"),
    "a relabel without ranks": (f"treeoflife_id,verdict,common\n{IDS[0]},relabel,Cougar\n".encode(), "line 2"),
    "an open quotation mark": (f'treeoflife_id,verdict\n{IDS[0]},drop\n"{IDS[1]},drop\n'.encode(), "line 3"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(100), "spreadsheet"),
    "two encodings": (f"treeoflife_id,verdict\n{IDS[0]},drop\n\u00e9,drop\n".encode() + b"\xe9,drop\n", "line 4"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_not_understood_is_refused_with_the_line(tmp_path: Path, what: str) -> None:
    data, words = WRONG[what]
    (tmp_path / "marks.csv").write_bytes(data)
    with pytest.raises(InputError, match=words) as refused:
        marks.read(tmp_path / "marks.csv")
    assert "marks.csv" in str(refused.value)
    with pytest.raises(InputError):
        save(tmp_path / "marks.csv", drop(IDS[5]))
    assert (tmp_path / "marks.csv").read_bytes() == data


ENCODED = f"treeoflife_id,verdict,genus,common\n{IDS[0]},relabel,Puma,Lión\n"


@pytest.mark.parametrize(
    "data",
    [
        ENCODED.encode("latin-1"), ENCODED.encode("utf-16"), ENCODED.encode("utf-16-le"), ENCODED.encode("utf-8-sig"),
        ENCODED.replace("\n", "\r\n").encode(), ENCODED.replace("\n", "\r").encode(),
        ENCODED.replace(",", ";").encode(), ENCODED.replace(",", "\t").encode(),
        ENCODED.replace("genus", " Genus").replace("relabel", "Relabel").encode(), ENCODED.rstrip().encode(),
    ],
)  # fmt: skip
def test_marks_are_read_in_every_form_that_a_spreadsheet_writes(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "marks.csv").write_bytes(data)
    (mark,) = marks.read(tmp_path / "marks.csv").by_key.values()
    assert (mark["genus"], mark["common"]) == ("Puma", "Lión")


def test_contradicting_marks_and_unused_columns_are_named(build_copy: Path) -> None:
    one = ids_of(build_copy)[0]
    text = f"treeoflife_id,verdict,genus,specie\n{one},drop,,\n{one.upper()},relabel,Puma,x\n"
    (build_copy / "marks.csv").write_text(text, encoding="utf-8")
    done = built(build_copy / "dataset.toml")
    said = " ".join((done.stdout + done.stderr).split())
    assert "on lines 2 and 3; line 3 counts" in said
    assert "not used: the columns specie" in said
    assert library.open(build_copy)[one].taxon.genus == "Puma"


def test_build_refuses_a_malformed_file_of_marks_with_a_sentence(build_copy: Path) -> None:
    (build_copy / "marks.csv").write_bytes(WRONG["a line break in a name"][0])
    sentence(cli("build", "--config", build_copy / "dataset.toml"), "marks.csv, line 2", "genus")


def test_the_page_refuses_a_mark_that_is_none_with_a_sentence(build_copy: Path) -> None:
    one, path = ids_of(build_copy)[0], build_copy / "marks.csv"
    with serving(build_copy) as address:
        for mark, words in [
            (relabel(one, genus="Pu\nma"), "line break"),
            (relabel(one, genus="Pu\tma"), "control character"),
            (relabel(one, genus="x" * 20_000), "bytes"),
            (relabel(one), "rank"),
            ({**drop(one), "verdict": "burn"}, "drop, relabel"),
            ({**drop(one), "note": {"a": 1}}, "note must be a text"),
            ({**drop(one), "Genus": "x"}, "no 'Genus'"),
            ([one], "object"),
            (b"[" * 50_000, "nested"),
            (b'{"treeoflife_id": "\\ud800", "verdict": "drop"}', "surrogate"),
            (b'{"treeoflife_id": NaN}', "NaN"),
            (b"\xff\xfe", "UTF-8"),
            (b"", "line 1"),
        ]:
            status, answer = post(address, mark)
            assert (status, words in answer["error"]) == (400, True), answer
        assert post(address, drop("no-such-id"))[0] == 404
        assert post(address, drop("a\0b"))[0] in (400, 404)
        assert not path.exists()
        assert post(address, drop(one))[0] == 200
        assert post(address, {"treeoflife_id": one, "verdict": ""}) == (200, {"mark": None})
