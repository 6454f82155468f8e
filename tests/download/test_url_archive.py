"""A list of URLs of several hosts: every URL ends as an image or a reason, once, whatever the hosts and the run do."""

from __future__ import annotations

import random
import re
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.tar_reader import read_members
from treeoflife.download.lists.fetch_reasons import PASSING_REASONS, PERMANENT_REASONS, is_passing
from treeoflife.download.lists.hosts import _MAX_REFUSALS
from treeoflife.download.lists.placeholders import is_placeholder_address
from treeoflife.download.lists.url_archive import fetch_archive
from treeoflife.errors import ContainerError, InputError

from .museums import Reply, check_archive, fetch, index, museums, picture, pictures, reasons, task
from .server import Handler

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def troubles(other: Callable[[str], str]) -> Reply:
    """A host of which each path is another case; the last part of its name is the reason that it must have."""
    asked: Counter[str] = Counter()
    tiny = picture("tiny", (1, 1))

    def reply(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        path = handler.path
        asked[path] += 1
        whole = picture(path)
        cases: dict[str, tuple[int, bytes, dict[str, str]]] = {
            "/moved/image": (301, b"", {"Location": other("/image")}),
            "/removed/placeholder": (302, b"", {"Location": other("/assets/copyright-infringement-medium.png")}),
            "/forbidden/http-403": (403, b"no", {}),
            "/absent/http-404": (404, b"no", {}),
            "/gone/http-410": (410, PAGE, {"Content-Type": "text/html"}),
            "/slow-down-once/image": (429, b"", {"Retry-After": "0"}) if asked[path] == 1 else (200, whole, {}),
            "/slow-down/http-429": (429, b"", {"Retry-After": "0"}),
            "/error-once/image": (500, b"", {}) if asked[path] == 1 else (200, whole, {}),
            "/error/http-500": (500, b"", {}),
            "/one-pixel/placeholder": (200, tiny, {}),
            "/page/not-an-image": (200, PAGE, {}),
            "/json/not-an-image": (200, b'{"error": "no such photo"}', {}),
            "/empty/not-an-image": (200, b"", {}),
            "/wrong-type/image": (200, whole, {"Content-Type": "text/html"}),
            "/cut-off/no-answer": (200, whole[:100], {"Content-Length": str(len(whole))}),
            "/opted-out/noai": (200, whole, {"X-Robots-Tag": "noindex"}),
            "/large/too-many-bytes": (200, whole + bytes(30_000), {}),
            "/private/robots": (200, whole, {}),
        }
        return cases.get(path, (200, whole, {}))

    return reply


CASES = [
    "/moved/image", "/removed/placeholder", "/forbidden/http-403", "/absent/http-404", "/gone/http-410",
    "/slow-down-once/image", "/slow-down/http-429", "/error-once/image", "/error/http-500", "/one-pixel/placeholder",
    "/page/not-an-image", "/json/not-an-image", "/empty/not-an-image", "/wrong-type/image", "/cut-off/no-answer",
    "/opted-out/noai", "/large/too-many-bytes", "/private/robots",
]  # fmt: skip


def test_every_url_ends_as_an_image_or_a_reason_in_the_order_of_the_list(tmp_path: Path) -> None:
    elsewhere: list[str] = []
    replies = [troubles(lambda path: elsewhere[0] + path), pictures]
    with museums(*replies, robots=b"User-agent: *\nDisallow: /private/\n") as hosts:
        elsewhere.append(hosts[1].server.url)
        urls = [hosts[0].url(path) for path in CASES] + [hosts[1].url(f"/{n}/image") for n in range(30)]
        urls += ["http://nowhere.invalid/no-dns", "nothing/bad-address", "ftp://a.example/bad-address"]
        random.Random(5).shuffle(urls)
        result = fetch(tmp_path, urls, max_bytes=20_000)
    table = index(tmp_path)
    assert table["url"].to_list() == urls
    expected = [None if url.endswith("/image") else url.rpartition("/")[2] for url in urls]
    assert table["reason"].to_list() == expected
    assert result.reasons == dict(sorted(Counter(one for one in expected if one).items()))
    assert result.images + sum(result.reasons.values()) == len(urls)
    assert all(is_passing(one) or one in PERMANENT_REASONS or one.startswith("http-4") for one in result.reasons)
    moved = table.row(by_predicate=pl.col("url").str.ends_with("/moved/image"), named=True)
    assert (moved["final_url"], moved["status"]) == (hosts[1].url("/image"), 200)
    for url, image in zip(urls, check_archive(tmp_path), strict=True):
        path = "/image" if "/moved/" in url else "/" + url.split("/", 3)[-1]
        assert image in (None, picture(path))
    silent = table.filter(pl.col("reason").is_in(["no-dns", "no-answer", "bad-address"]))
    assert silent["status"].null_count() == silent.height == 4
    with tarfile.open(tmp_path / "000000.tar") as tar:
        names = {f"{n:08d}.jpg" for n, one in enumerate(expected) if one is None}
        assert set(tar.getnames()) == names
    assert {path.name for path in tmp_path.iterdir()} == {"urls.parquet", "000000.tar", "000000.parquet"}


def test_a_host_gets_no_more_requests_than_it_may_from_all_tasks_together(tmp_path: Path) -> None:
    """Open at once and per second, as the host itself sees it; robots.txt, retries and redirects count too."""

    def busy(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(0.03)
        return pictures(handler)

    with museums(busy, busy) as hosts:
        lists = [[host.url(f"/{part}/{n}") for n in range(15) for host in hosts] for part in range(2)]
        rules = {"per_host": 4, "connections": 12, "per_second": 40.0}
        tasks = [task(tmp_path / str(part), urls, of=2, **rules) for part, urls in enumerate(lists)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: fetch_archive(one, lambda _: None), tasks))
    for host in hosts:
        assert sum(host.paths.values()) == 32
        assert 2 <= host.most_open <= 4
        # Each task keeps to 20 a second; a request may reach the host later than it was sent.
        assert host.times[-1] - host.times[0] > 15 / 20 * 0.8


def test_a_host_that_does_not_answer_keeps_no_other_waiting(tmp_path: Path) -> None:
    """It answers only when all images of the other host have been asked for, of which there are many more."""
    done = threading.Event()
    in_time: list[bool] = []

    def slow(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        in_time.append(done.wait(30))
        return pictures(handler)

    def quick(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        if sum(hosts[1].paths.values()) == 60:
            done.set()
        return pictures(handler)

    with museums(slow, quick) as hosts:
        urls = [hosts[0].url(f"/{n}") for n in range(20)] + [hosts[1].url(f"/{n}") for n in range(60)]
        fetch(tmp_path, urls, connections=4, per_host=2, robots=False, stall_seconds=60.0)
    assert all(in_time)
    assert reasons(tmp_path) == [None] * 80


@pytest.mark.parametrize("status", [401, 403, 429, 451])
def test_a_host_that_refuses_everything_is_not_asked_any_more_and_that_is_said(status: int, tmp_path: Path) -> None:
    """All its images may be had later; those of other hosts are fetched."""
    with museums(lambda _: (status, b"no", {}), pictures) as hosts:
        urls = [host.url(f"/{n}") for n in range(100) for host in hosts]
        result = fetch(tmp_path, urls, per_host=4, tries=1)
    table = index(tmp_path)
    refused = set(table["reason"].gather_every(2))
    assert refused <= {"host-refused", "http-429"}
    assert table["reason"].gather_every(2, 1).null_count() == 100
    assert sum(hosts[0].paths.values()) <= 1 + _MAX_REFUSALS + 3  # robots.txt, and what was in flight
    assert any("refused" in note and hosts[0].server.url in note for note in result.notes)


def test_a_host_that_refuses_is_blamed_also_for_what_it_refused_before_the_run_was_interrupted(tmp_path: Path) -> None:
    with museums(breaking(10, lambda _: (403, b"no", {}))) as (host,):
        urls = [host.url(f"/{n}") for n in range(60)]
        with pytest.raises(ContainerError):
            fetch(tmp_path, urls, robots=False)
        host.reply = lambda _: (403, b"no", {})
        fetch(tmp_path, urls, robots=False, per_host=1)
    assert reasons(tmp_path) == ["host-refused"] * 60
    assert Counter(host.paths.values())[1] >= 10  # what was refused in the first run is not asked again


def test_a_refusal_now_and_then_is_meant_for_its_image_alone(tmp_path: Path) -> None:
    def reply(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        return pictures(handler) if int(handler.path[1:]) % 3 else (403, b"", {})

    with museums(reply) as (host,):
        result = fetch(tmp_path, [host.url(f"/{n}") for n in range(90)], connections=1)
    assert result.reasons == {"http-403": 30}
    assert not result.notes


def test_a_host_asks_to_wait_and_is_obeyed_while_others_are_asked(tmp_path: Path) -> None:
    """After Retry-After, it gets nothing before that time, not even for another image."""
    times: list[float] = []

    def reply(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        times.append(time.monotonic())
        return (429, b"", {"Retry-After": "1"}) if len(times) == 1 else pictures(handler)

    with museums(reply, pictures) as hosts:
        urls = [host.url(f"/{n}") for n in range(5) for host in hosts]
        fetch(tmp_path, urls, per_host=1, robots=False)
    assert reasons(tmp_path) == [None] * 10
    assert times[1] - times[0] >= 0.95
    assert hosts[1].times[-1] < times[1]


def test_requests_name_the_program_and_the_users_contact(tmp_path: Path) -> None:
    with museums(pictures) as (host,):
        fetch(tmp_path, [host.url("/a")], contact="Ada Museum, ada@museum.example\r\nX-Evil: 1")
    (agent,) = host.agents
    assert re.fullmatch(r"treeoflife/\S+ \(dataset builder; Ada Museum, ada@museum\.exampleX-Evil: 1\)", agent)


@pytest.mark.parametrize(
    ("header", "rules", "reason"),
    [
        ("noai", {}, "noai"), ("max-snippet:5, NoImageAI", {}, "noai"), ("treeoflife: noindex", {}, "noai"),
        ("otherbot: noai", {}, None), ("nofollow", {}, None), ("noai", {"noai": ()}, None),
        ("noindex", {"noai": ("noai",)}, None),
    ],
)  # fmt: skip
def test_a_host_that_opts_out_is_respected_as_configured(
    header: str, rules: dict[str, tuple[str, ...]], reason: str | None, tmp_path: Path
) -> None:
    with museums(lambda handler: (200, picture(handler.path), {"X-Robots-Tag": header})) as (host,):
        fetch(tmp_path, [host.url("/a")], **rules)
    assert reasons(tmp_path) == [reason]


def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the name server were a wrong one."""
    real = socket.getaddrinfo

    def look_up(host: str, *rest: object, **keys: object) -> object:
        if not str(host).startswith("127."):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real(host, *rest, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_wrong_name_server_ends_the_task_and_nothing_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run finds nothing to be done already, and fetches all."""
    urls = [f"http://museum{n % 40}.example/{n}" for n in range(200)]
    no_names(monkeypatch)
    with pytest.raises(ContainerError, match="is the network down"):
        fetch(tmp_path, urls)
    assert not (tmp_path / "000000.tar").exists()
    assert not (tmp_path / "000000.parquet").exists()
    journal = (tmp_path / ".000000.tar.journal").read_bytes()
    assert b"museum" not in journal
    fetch(tmp_path, urls, retry=True)  # they had failed before, so that this says nothing of the network
    assert set(reasons(tmp_path)) <= {"no-dns", "host-down"}


def test_names_that_are_not_known_are_recorded_if_another_host_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_names(monkeypatch)
    with museums(pictures) as (host,):
        urls = [f"http://museum{n}.example/{n}" for n in range(30)] + [host.url(f"/{n}") for n in range(5)]
        result = fetch(tmp_path, urls)
    assert result.images == 5
    assert result.reasons == {"no-dns": 30}


def test_hosts_that_take_no_connections_are_down_and_the_list_is_finished(tmp_path: Path) -> None:
    """A connection that is refused has come to its host: the network works."""
    with socket.socket() as free:
        free.bind(("127.0.0.9", 0))
        closed = f"http://127.0.0.9:{free.getsockname()[1]}"
    result = fetch(tmp_path, [f"{closed}/{n}" for n in range(60)], robots=False)
    assert sum(result.reasons.values()) == 60
    assert set(result.reasons) <= {"no-answer", "host-down"}
    assert all(map(is_passing, result.reasons))


def breaking(after: int, answer: Reply = pictures) -> Reply:
    """A host that closes all connections after so many answers."""
    served = 0

    def reply(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        nonlocal served
        served += 1
        if served > after:
            handler.close_connection = True
            raise ConnectionError
        return answer(handler)

    return reply


def test_a_network_that_breaks_down_ends_the_task_and_what_came_is_kept(tmp_path: Path) -> None:
    with museums(breaking(100)) as (host,):
        urls = [host.url(f"/{n}") for n in range(300)]
        with pytest.raises(ContainerError, match="nor did another host"):
            fetch(tmp_path, urls, robots=False)
        host.reply = pictures
        host.paths.clear()
        fetch(tmp_path, urls, robots=False)
    assert sum(host.paths.values()) == 200
    assert reasons(tmp_path) == [None] * 300


@pytest.mark.parametrize("lost", [1, 700, 50_000, 10**9])
def test_what_a_power_failure_took_is_fetched_again_and_nothing_else(lost: int, tmp_path: Path) -> None:
    """The journal may be on disk where the archive is not: what it promises is checked."""
    with museums(breaking(100)) as (host,):
        urls = [host.url(f"/{n}") for n in range(150)]
        with pytest.raises(ContainerError):
            fetch(tmp_path, urls, robots=False)
        part = tmp_path / ".000000.tar.part"
        size = part.stat().st_size
        part.write_bytes(part.read_bytes()[: max(0, size - lost)])
        host.reply = pictures
        host.paths.clear()
        fetch(tmp_path, urls, robots=False)
    members = size // 100
    assert 50 + (lost >= members) <= sum(host.paths.values()) <= 50 + 2 + -(-min(lost, size) // members)
    assert [image for image in check_archive(tmp_path) if image is None] == []


@pytest.mark.parametrize("damage", [b"", b"[1, 2", b'{"synced": tr', bytes(100), b"\xff\n"])
def test_a_journal_that_was_cut_off_is_read_as_far_as_it_goes(damage: bytes, tmp_path: Path) -> None:
    with museums(breaking(40)) as (host,):
        urls = [host.url(f"/{n}") for n in range(60)]
        with pytest.raises(ContainerError):
            fetch(tmp_path, urls, robots=False)
        journal = tmp_path / ".000000.tar.journal"
        journal.write_bytes(journal.read_bytes() + damage)
        host.reply = pictures
        host.paths.clear()
        fetch(tmp_path, urls, robots=False)
    assert sum(host.paths.values()) == 20
    assert None not in check_archive(tmp_path)


def test_an_archive_whose_index_was_not_written_yet_is_not_fetched_again(tmp_path: Path) -> None:
    """A run that was killed between the two: what the archive has is in the journal."""
    with museums(breaking(40)) as (host,):
        urls = [host.url(f"/{n}") for n in range(60)]
        with pytest.raises(ContainerError):
            fetch(tmp_path, urls, robots=False)
        (tmp_path / ".000000.tar.part").rename(tmp_path / "000000.tar")
        host.reply = pictures
        host.paths.clear()
        fetch(tmp_path, urls, robots=False)
    assert sum(host.paths.values()) == 20
    assert len(list(read_members((tmp_path / "000000.tar").open("rb"), 10**6))) == 60


def test_a_run_that_is_stopped_does_not_wait_for_hosts_that_stall(tmp_path: Path) -> None:
    """The host would answer only after the run has ended."""
    ended = threading.Event()
    waited: list[bool] = []

    def stall(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        waited.append(ended.wait(30))
        return pictures(handler)

    def stop(_: int) -> None:
        if hosts[0].open:
            raise KeyboardInterrupt  # in place of the signal, which comes between any two results

    with museums(stall, pictures) as hosts:
        urls = [host.url(f"/{n}") for n in range(50) for host in hosts]
        with pytest.raises(KeyboardInterrupt):
            fetch_archive(task(tmp_path, urls, robots=False, stall_seconds=60.0), stop)
        ended.set()
    assert all(waited)


def test_an_archive_of_other_urls_is_not_replaced(tmp_path: Path) -> None:
    with museums(pictures) as (host,):
        fetch(tmp_path, [host.url("/a")])
        first = (tmp_path / "000000.tar").read_bytes()
        assert fetch(tmp_path, [host.url("/a")]).images == 1
        with pytest.raises(InputError, match="made from other addresses"):
            fetch(tmp_path, [host.url("/b")])
    assert host.paths["/a"] == 1
    assert (tmp_path / "000000.tar").read_bytes() == first


def test_a_list_without_urls_gives_an_empty_archive(tmp_path: Path) -> None:
    assert fetch(tmp_path, []).images == 0
    assert index(tmp_path).height == 0
    with tarfile.open(tmp_path / "000000.tar") as tar:
        assert tar.getnames() == []


CODE = """
import sys
from pathlib import Path
import polars as pl
from tests.download.museums import fetch
folder = Path(sys.argv[1])
fetch(folder, pl.read_parquet(folder / "list.parquet")["url"].to_list(), connections=6, per_host=3)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_at_random_fetches_nothing_twice_but_what_was_in_flight(
    kills: int, tmp_path: Path
) -> None:
    """It is killed after a number of requests that is drawn by chance."""
    draw = random.Random(kills)
    count = 60 * kills
    served = threading.Semaphore(0)

    def slow(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        time.sleep(0.002)
        served.release()
        return pictures(handler)

    with museums(slow, slow, slow) as hosts:
        urls = [hosts[n % 3].url(f"/{n}") for n in range(count)]
        pl.DataFrame({"url": urls}).write_parquet(tmp_path / "list.parquet")
        for _ in range(kills):
            process = subprocess.Popen([sys.executable, "-c", CODE, str(tmp_path)], cwd=Path(__file__).parents[2])
            for _ in range(draw.randint(1, 60)):
                assert served.acquire(timeout=60)
            process.send_signal(signal.SIGKILL)
            process.wait()
            while served.acquire(blocking=False):
                pass
        fetch(tmp_path, urls)
    asked = sum((host.paths for host in hosts), Counter[str]())
    del asked["/robots.txt"]
    assert len(asked) == count
    assert sum(asked.values()) - count <= 6 * kills
    assert None not in check_archive(tmp_path)


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("https://www.inaturalist.org/assets/copyright-infringement-medium.png", True),
        ("https://static.inaturalist.org/assets/copyright-infringement-large-5fb2cd5a0f1e3b7c.png?1", True),
        ("https://www.inaturalist.org/attachment_defaults/local_photos/medium.png", True),
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable.png", True),
        ("https://combo.staticflickr.com/pw/images/photo_unavailable_l.png", True),
        ("https://museum.example/static/No-Image-Available.jpg", True),
        ("https://museum.example/image%20not%20found.svg", True),
        ("https://museum.example/img/placeholder_300x200.png", True),
        ("https://museum.example/media/no_photo.gif", True),
        ("https://iiif.example/iiif/2/a/full/full/0/default.jpg", False),
        ("https://museum.example/no-image/1234.jpg", False),
        ("https://museum.example/piano-images/Parus-major.jpg", False),
        ("https://museum.example/image-not-found-in-Berlin-1904.jpg", False),
        ("https://inaturalist-open-data.s3.amazonaws.com/photos/1/medium.jpg", False),
        ("https://museum.example/photo?name=placeholder", False),
    ],
)
def test_pictures_that_say_that_there_is_none_are_known_by_their_address(address: str, is_one: bool) -> None:
    assert is_placeholder_address(address) is is_one


def test_every_reason_is_passing_or_permanent() -> None:
    statuses = {f"http-{status}": status >= 500 or status in (408, 425, 429) for status in range(400, 600)}
    words = dict.fromkeys(PASSING_REASONS, True) | dict.fromkeys(PERMANENT_REASONS, False) | statuses
    for word, passes in words.items():
        if not word.endswith("xx"):
            assert is_passing(word) is passes, word


def test_an_archive_that_is_gone_is_fetched_again_whatever_its_journal_says_of_the_disk(tmp_path: Path) -> None:
    """As when hidden files were not copied, or were cleaned away: nothing becomes an image of zeros."""
    with museums(breaking(40)) as (host,):
        urls = [host.url(f"/{n}") for n in range(60)]
        with pytest.raises(ContainerError):
            fetch(tmp_path, urls, robots=False)
        journal = tmp_path / ".000000.tar.journal"
        journal.write_bytes(journal.read_bytes() + b'{"synced": true}\n')
        (tmp_path / ".000000.tar.part").unlink()
        host.reply = pictures
        fetch(tmp_path, urls, robots=False)
    assert None not in check_archive(tmp_path)
