"""The tables between a list and its containers: what is asked, in which archive an image is, what stays the same."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

import polars as pl
import pytest

from treeoflife.config.base import Model
from treeoflife.config.fetched_files import FetchedFiles
from treeoflife.core.database import Database, open_database
from treeoflife.core.files import stamp
from treeoflife.core.tar_writer import BLOCK, encode_member, end_marker
from treeoflife.core.values import BoundingBox, joined
from treeoflife.download.lists.fetch_outcomes import open_outcomes, placeholders
from treeoflife.download.lists.fetch_promises import promise_archives, reasons_sql
from treeoflife.download.lists.fetch_results import write_archive_images, write_not_fetched
from treeoflife.download.lists.url_archive import INDEX_COLUMNS
from treeoflife.errors import ConfigError, ContainerError
from treeoflife.sources.base import ABOUT_COLUMNS
from treeoflife.sources.lists.listed import LISTED_COLUMNS, ListedImages
from treeoflife.sources.lists.listing import Listing, write_listing
from treeoflife.sources.registry import load_source
from treeoflife.testing import SourceContract
from treeoflife.testing.world import draw_picture, encode_image

Row = dict[str, object]
Listed = TypeVar("Listed", bound=ListedImages)


class Cards(ListedImages):
    """Pictures that a test lists."""

    class Settings(Model):
        """Nothing."""

    columns: ClassVar[dict[str, type[int] | type[str]]] = {"series": int, "card": str}
    key = ("series", "card")
    listed_as = "{series}/{card}"
    catalog = ("series", "card")

    def __init__(self, name: str, rows: list[Row], folder: Path) -> None:
        self.name, self.rows = name, rows
        self.keep_in(FetchedFiles(folder))

    def tables(self) -> list[Path]:
        return []

    def list_images(self, database: Database) -> None:
        schema = {"series": pl.Int64, "card": pl.String, **dict.fromkeys(LISTED_COLUMNS, pl.String)}
        database.load("listed", pl.DataFrame(self.rows, schema=schema, orient="row"))

    @property
    def kept(self) -> FetchedFiles:
        return kept(self)


def kept(source: ListedImages) -> FetchedFiles:
    """Where the images of a source are fetched to."""
    assert source.fetched
    return source.fetched


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "scratch", 1) as found:
        yield found


def row(number: int, **more: object) -> Row:
    return {"series": number // 10, "card": f"a/{number}", "url": f"http://h{number % 3}.example/{number}.jpg", **more}


def answer(files: FetchedFiles, number: int, failed: dict[str, str] | None = None, same: bytes = b"") -> None:
    """Finish an archive: each address gives a picture of its own, but for those that fail."""
    urls = pl.read_parquet(files.urls(number))["url"].to_list()
    tar, rows = b"", []
    for position, url in enumerate(urls):
        reason = (failed or {}).get(url)
        data = same or encode_image(draw_picture(random.Random(url), (40, 30)))
        place = (None, None, None) if reason else (len(tar) + BLOCK, len(data), hashlib.sha256(data).digest())
        if not reason:
            tar += encode_member(f"{position:08d}.jpg", data)
        rows.append((url, url, 200, reason, reason and "no", *place, None, "image/jpeg", "2026-01-01T00:00:00"))
    files.archive(number).write_bytes(tar + end_marker(len(tar)))
    pl.DataFrame(rows, schema=INDEX_COLUMNS, orient="row").write_parquet(files.index(number))


def settle(source: ListedImages, database: Database, least: int = 0) -> tuple[int, dict[str, int]]:
    open_outcomes(database, kept(source), least)
    images = write_archive_images(source, database, kept(source))
    return images, dict(write_not_fetched(source, database, kept(source)))


def plan(
    source: ListedImages, database: Database, per_archive: int = 4, again: str = "false"
) -> list[tuple[int, int, bool]]:
    open_outcomes(database, kept(source), 0)
    return [(one.number, one.count, one.retry) for one in promise_archives(database, kept(source), per_archive, again)]


def made(source: Listed, database: Database, failed: dict[str, str] | None = None) -> Listed:
    """The source with its list, and all that is in it fetched."""
    write_listing(source, database, kept(source).images)
    for number, *_ in plan(source, database):
        answer(kept(source), number, failed)
    settle(source, database)
    return source


def test_boxes_of_one_picture_are_images_with_its_bytes(tmp_path: Path, database: Database) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(
        "url,label,x,y,width,height\nhttp://h/1,Apis,1,2,3,4\nhttp://h/1,Apis,5,6,7,8\nhttp://h/1,Apis,,,,\n"
    )
    source = load_source("urls", {"path": str(table), "boxes": True}, tmp_path)
    assert isinstance(source, ListedImages)
    source.keep_in(FetchedFiles(tmp_path / "fetched"))
    made(source, database)
    (container,) = source.containers()
    images = list(source.read(container, 10**6))
    boxes = [None, BoundingBox(1, 2, 3, 4), BoundingBox(5, 6, 7, 8)]
    assert sorted((image.box for image in images), key=str) == sorted(boxes, key=str)
    assert [image.box for image in source.names(container)] == [image.box for image in images]
    (data,) = {image.data for image in images}
    assert len(data) > 100


class TestListedImages(SourceContract):
    """They keep the contract of all sources, also those of which two have one address, and those that have none."""

    @pytest.fixture
    def source(self, tmp_path: Path, database: Database) -> Cards:
        rows = [row(number) for number in range(9)]
        rows += [row(70, url=rows[0]["url"]), row(71, url=""), row(72), {**row(73), "card": ""}]
        return made(Cards("cards", rows, tmp_path / "cards"), database, {str(row(72)["url"]): "http-404"})


def test_before_anything_is_fetched_there_are_no_containers(tmp_path: Path, database: Database) -> None:
    source = Cards("cards", [], tmp_path / "cards")
    assert source.containers() == []
    assert source.label_files() == []
    assert not source.label_table(database)
    assert not source.about(database)
    assert not source.flags(database)
    source.fetched = None
    assert source.containers() == []


def test_images_of_one_address_have_its_bytes_and_are_told_apart(tmp_path: Path, database: Database) -> None:
    source = made(Cards("cards", [row(1), row(2, url=row(1)["url"])], tmp_path / "cards"), database)
    (container,) = source.containers()
    first, second = source.read(container, 10**6)
    assert first.data == second.data != b""
    assert [first.file, second.file] == [joined((0, "a/1")), joined((0, "a/2"))]


def test_an_archive_that_is_gone_or_cut_off_is_named_with_the_way_out(tmp_path: Path, database: Database) -> None:
    source = made(Cards("cards", [row(1), row(2)], tmp_path / "cards"), database)
    (container,) = source.containers()
    whole = container.path.read_bytes()
    for spoil in (lambda: container.path.write_bytes(whole[: BLOCK + 5]), container.path.unlink):
        spoil()
        with pytest.raises(ContainerError, match=r"000000\.tar.*delete it and 000000\.parquet"):
            list(source.read(container, 10**6))


@pytest.mark.parametrize(
    "given",
    [
        *({"url": url} for url in ("", None, "ftp://h/a", "http://", "a.jpg", "http://h/a\nb")),
        {"card": ""},
        {"series": None},
        {"problem": "withdrawn"},
    ],
)
def test_a_row_that_cannot_be_used_is_kept_with_what_is_wrong(tmp_path: Path, database: Database, given: Row) -> None:
    source = Cards("cards", [{**row(1), **given}, row(2)], tmp_path / "cards")
    assert write_listing(source, database, source.kept.images) == Listing(images=2, bad=1, repeated=0, differing=0)
    assert plan(source, database) == [(0, 1, False)]
    answer(source.kept, 0)
    assert settle(source, database) == (1, {"bad-row": 1})


def test_addresses_as_people_write_them_are_asked(tmp_path: Path, database: Database) -> None:
    urls = [
        "HTTPS://h.example/a b.jpg",
        " http://h.example ",
        "http://h.example:8080/%20?x=1#y",
        "http://müller.example/ü",
    ]
    source = Cards("cards", [row(number, url=url) for number, url in enumerate(urls)], tmp_path / "cards")
    assert write_listing(source, database, source.kept.images).bad == 0
    assert plan(source, database) == [(0, 4, False)]
    assert set(pl.read_parquet(source.kept.urls(0))["url"]) == {url.strip() for url in urls}


def test_the_list_does_not_depend_on_the_order_of_rows(tmp_path: Path, database: Database) -> None:
    rows = [row(number) for number in range(30)]
    rows += [dict(rows[3]), {**rows[4], "title": "other"}, {**rows[4], "title": "more"}, {**rows[5], "problem": "bad"}]
    rows += [{**row(1), "card": ""}, {**row(2), "card": ""}, {**row(2), "card": ""}]
    source = Cards("cards", rows, tmp_path / "cards")
    assert write_listing(source, database, source.kept.images) == Listing(images=33, bad=3, repeated=1, differing=2)
    before = source.kept.images.read_bytes()
    random.Random(1).shuffle(rows)
    write_listing(source, database, source.kept.images)
    assert source.kept.images.read_bytes() == before
    listed = pl.read_parquet(source.kept.images)
    assert listed.filter(card="a/5")["problem"].to_list() == [""]  # the row that can be used
    assert listed.filter(card="a/4").select("title", "repeated").rows() == [("", 2)]


def test_a_column_that_a_plug_in_forgets_is_named(tmp_path: Path, database: Database) -> None:
    class Forgetful(Cards):
        def list_images(self, database: Database) -> None:
            super().list_images(database)
            database.make("listed", f"SELECT * EXCLUDE ({self.lost}) REPLACE ({self.other}) FROM listed")

        lost, other = "title", "series AS series"

    source = Forgetful("cards", [row(1)], tmp_path / "cards")
    with pytest.raises(ConfigError, match=r"\[sources\.cards\].*Forgetful.*'title'"):
        write_listing(source, database, source.kept.images)
    source.lost, source.other = "title", "series::VARCHAR AS series"
    with pytest.raises(ConfigError, match="Forgetful"):
        write_listing(source, database, source.kept.images)


def test_archives_are_the_same_whenever_a_run_was_killed(tmp_path: Path, database: Database) -> None:
    """While addresses were written down, or while some were asked."""
    rows = [row(number) for number in range(22)]
    source = Cards("cards", rows, tmp_path / "cards")
    write_listing(source, database, source.kept.images)
    promised = plan(source, database)
    assert promised == [(0, 4, False), (1, 4, False), (2, 4, False), (3, 4, False), (4, 4, False), (5, 2, False)]
    files = source.kept
    before = {number: files.urls(number).read_bytes() for number in range(len(promised))}
    hosts = [{url.split("/")[2] for url in pl.read_parquet(files.urls(number))["url"]} for number in range(5)]
    assert sum(map(len, hosts)) > 10  # each task has work for most hosts
    for kept, done in ((2, ()), (6, (0, 3)), (6, (1, 2, 4))):
        for number in range(kept, 6):
            files.urls(number).unlink()
        for number in done:
            answer(files, number)
        assert [number for number, *_ in plan(source, database)] == files.unfinished()
        assert {number: files.urls(number).read_bytes() for number in range(len(promised))} == before
    answer(files, 5)
    assert plan(source, database) == []


def test_a_new_archive_has_a_number_that_no_file_has(tmp_path: Path, database: Database) -> None:
    source = made(Cards("cards", [row(number) for number in range(8)], tmp_path / "cards"), database)
    source.kept.urls(1).unlink()
    source.kept.archive(7).with_name(".000007.tar.part").touch()
    source.rows = [row(number) for number in range(9)]
    write_listing(source, database, source.kept.images)
    assert plan(source, database) == [(8, 1, False)]


def test_archives_that_nobody_wants_any_more_are_not_begun(tmp_path: Path, database: Database) -> None:
    rows = [row(number) for number in range(40)]
    source = Cards("cards", rows, tmp_path / "cards")
    write_listing(source, database, source.kept.images)
    assert len(plan(source, database)) == 10
    begun = source.kept.archive(0).with_name(".000000.tar.journal")
    begun.touch()
    wanted = set(pl.read_parquet(source.kept.urls(9))["url"])
    source.rows = [one for one in rows if one["url"] in wanted]
    write_listing(source, database, source.kept.images)
    assert plan(source, database) == [(0, 4, False), (9, 4, False)]


def test_what_failed_is_asked_again_only_for_the_reasons_that_are_given(tmp_path: Path, database: Database) -> None:
    urls = [str(row(number)["url"]) for number in range(6)]
    failed = {urls[0]: "http-404", urls[1]: "http-503", urls[2]: "no-dns"}
    source = made(Cards("cards", [row(number) for number in range(6)], tmp_path / "cards"), database, failed)
    assert settle(source, database) == (3, {"http-404": 1, "http-503": 1, "no-dns": 1})
    assert plan(source, database) == []
    assert plan(source, database, again=reasons_sql(["http-503", "no-dns"])) == [(2, 2, True)]
    assert plan(source, database, again=reasons_sql(["http-503", "no-dns"])) == [(2, 2, True)]  # as it was promised
    answer(source.kept, 2, {urls[2]: "http-410"})
    assert settle(source, database) == (4, {"http-404": 1, "http-410": 1})
    assert plan(source, database, again=reasons_sql(["http-404", "http-410"])) == [(3, 2, True)]
    answer(source.kept, 3)
    assert settle(source, database) == (6, {})
    assert source.kept.not_fetched_parts() == []


def test_only_what_changed_is_written(tmp_path: Path, database: Database) -> None:
    rows = [row(number) for number in range(20)]
    source = made(Cards("cards", rows, tmp_path / "cards"), database, {str(rows[7]["url"]): "http-404"})
    tables = {path: stamp(path) for path in source.kept.folder.glob("*.parquet")}
    settle(source, database)
    assert all(stamp(path) == before for path, before in tables.items())
    first, second, third, *_ = pl.read_parquet(source.kept.archive_images(2))["card"]
    source.rows = [one for one in rows if one["card"] != first]
    write_listing(source, database, source.kept.images)
    assert settle(source, database) == (18, {"http-404": 1})
    # Where few of an archive are listed no more, it stays as it is, and they are known.
    assert {path.name for path, before in tables.items() if stamp(path) != before} == {"images.parquet"}
    assert source.unlisted(database)
    assert database.rows("SELECT card FROM unlisted") == [(first,)]
    source.rows = [one for one in rows if one["card"] not in (first, second, third)]
    write_listing(source, database, source.kept.images)
    assert settle(source, database) == (16, {"http-404": 1})
    changed = {path.name for path, before in tables.items() if stamp(path) != before}
    assert changed == {"images.parquet", "000002.images.parquet"}
    assert not source.unlisted(database)
    source.rows = [rows[7]]
    write_listing(source, database, source.kept.images)
    assert settle(source, database) == (0, {"http-404": 1})
    assert [one.name for one in source.containers()] == ["not-fetched-0000"]
    source.rows = rows
    write_listing(source, database, source.kept.images)
    assert plan(source, database) == []  # nothing is asked twice
    assert settle(source, database) == (19, {"http-404": 1})


def test_what_could_not_be_fetched_is_divided_by_the_key(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["treeoflife.download.lists.fetch_results"], "_ROWS_A_PART", 8)
    rows = [row(number, url="") for number in range(50)]
    source = Cards("cards", rows, tmp_path / "cards")
    write_listing(source, database, source.kept.images)
    assert settle(source, database) == (0, {"bad-row": 50})
    parts = source.containers()
    assert [one.name for one in parts] == [f"not-fetched-{number:04d}" for number in range(8)]
    files = [image.file for part in parts for image in source.names(part)]
    assert sorted(files) == sorted(joined((one["series"], one["card"])) for one in rows)  # type: ignore[arg-type]
    before = {part.name: list(source.names(part)) for part in parts}
    source.rows = rows[5:]  # another number of rows, as many parts
    write_listing(source, database, source.kept.images)
    settle(source, database)
    gone = {one["card"] for one in rows[:5]}
    for part in source.containers():
        assert list(source.names(part)) == [one for one in before[part.name] if one.key and one.key[1] not in gone]
    source.rows = rows[:3]
    write_listing(source, database, source.kept.images)
    settle(source, database)
    assert len(source.containers()) == 1


def test_one_picture_at_many_addresses_is_a_placeholder_unless_it_is_of_one_observation(
    tmp_path: Path, database: Database
) -> None:
    rows = [row(number, observation="one" if number < 8 else "") for number in range(16)]
    source = Cards("cards", rows, tmp_path / "cards")
    write_listing(source, database, source.kept.images)
    for number, *_ in plan(source, database, 100):
        answer(source.kept, number, same=b"\xff\xd8 nothing here \xff\xd9")
    assert settle(source, database, 10) == (16, {})  # nine observations
    assert settle(source, database, 9) == (0, {"placeholder": 16})
    assert [count for count, _ in placeholders(database)] == [16]
    assert settle(source, database, 0) == (16, {})


def test_labels_have_the_ranks_of_their_names(tmp_path: Path, database: Database) -> None:
    names = [("Turdini", "TRIBE", "Turdidae"), ("Turdus merula", "", "")]
    rows = [
        row(number, scientific_name=name, taxon_rank=rank, family=family)
        for number, (name, rank, family) in enumerate(names)
    ]
    assert made(Cards("cards", rows, tmp_path / "cards"), database).label_table(database)
    assert database.rows("SELECT scientific_name, taxon_rank, family FROM image_label ORDER BY card") == names


def test_what_the_list_says_is_known_by_the_natural_key(tmp_path: Path, database: Database) -> None:
    rows = [row(1, genus="Parus", observation="o1", license_name="CC0", flags="A;B"), {**row(2), "card": ""}]
    source = made(Cards("cards", rows, tmp_path / "cards"), database)
    assert source.label_table(database)
    assert database.rows("SELECT series, card, genus FROM image_label") == [(0, "a/1", "Parus")]
    assert source.about(database)
    assert [name for name, *_ in database.rows("DESCRIBE about")] == ["series", "card", *ABOUT_COLUMNS]
    assert database.rows("SELECT card, observation, license_name FROM about") == [("a/1", "o1", "CC0")]
    assert source.flags(database)
    assert database.rows("FROM flagged") == [(0, "a/1", "A;B", 0)]


def test_another_natural_key_asks_no_address_again(tmp_path: Path, database: Database) -> None:
    """As when the column of an id is named only after the first build."""
    source = made(Cards("cards", [row(number) for number in range(6)], tmp_path / "cards"), database)
    source.columns, source.key = {"card": str}, ("card",)  # type: ignore[misc]
    write_listing(source, database, source.kept.images)
    assert plan(source, database) == []
    assert settle(source, database) == (6, {})
    keys = [image.key for container in source.containers() for image in source.names(container)]
    assert sorted(keys) == [(f"a/{number}",) for number in range(6)]
    source.columns, source.key = Cards.columns, Cards.key  # type: ignore[misc]
    write_listing(source, database, source.kept.images)
    assert settle(source, database) == (6, {})
