"""robots.txt: within limits, as RFC 9309 says, and one host's file says nothing of another host's images."""

from __future__ import annotations

import gzip
import threading
import zlib
from pathlib import Path

import pytest

from treeoflife.download.lists.robots import MAX_DELAY_SECONDS, parse_robots

from .images import PICTURE, fetch_images, reasons
from .raw import Connection, Reply, flood, raw_server, response, trickle

LIMIT = 500 << 10


def with_robots(robots: Reply) -> Reply:
    """A host with that robots.txt and nothing else but pictures."""

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        robots(path, request, connection) if path == "/robots.txt" else connection.sendall(response(PICTURE))

    return reply


def beside_a_good_host(folder: Path, robots: Reply, paths: tuple[str, ...] = ("/a",)) -> list[str | None]:
    """The reasons of paths on a host with that robots.txt. The image of another host is fetched all the same."""
    with raw_server(with_robots(robots)) as server, raw_server(with_robots(send(response()))) as good:
        *outcome, other = reasons(folder, *(server.url + path for path in paths), good.url + "/a", stall_seconds=0.2)
        assert other is None
    return outcome


def send(data: bytes) -> Reply:
    return lambda path, request, connection: connection.sendall(data)


RULES = b"User-agent: *\nDisallow: /private\n"


def test_a_robots_txt_without_end_is_read_to_its_limit(tmp_path: Path) -> None:
    """The rules in its first 500 kibibytes hold; the rest is not asked for."""
    taken: list[int] = []
    endless: Reply = lambda path, request, to: taken.append(  # noqa: E731
        flood(to, response(RULES, content_length=None), b"# more\n" * 9000)
    )
    assert beside_a_good_host(tmp_path, endless, ("/a", "/private/a")) == [None, "robots"]
    assert taken[0] < 20_000_000


def test_the_last_line_within_the_limit_is_not_read_half(tmp_path: Path) -> None:
    """``Disallow: /`` would forbid everything, and ``Disallow: /private`` does not."""
    text = RULES + b"#" * (LIMIT - len(RULES) - 12) + b"\nDisallow: /more\nDisallow: /a\n"
    assert text[:LIMIT].endswith(b"\nDisallow: /")
    outcome = beside_a_good_host(tmp_path, send(response(text)), ("/a", "/private", "/more"))
    assert outcome == [None, "robots", None]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_robots_txt_is_unpacked_to_its_limit(encoding: str, tmp_path: Path) -> None:
    """A bomb of 3 MB would fill the memory; one that is small is read, although nobody asked for it."""
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    for name, text in (("small", RULES), ("bomb", RULES + b"#\n" * 150_000_000)):
        reply = send(response(pack(text), content_encoding=encoding))
        assert beside_a_good_host(tmp_path / name, reply, ("/a", "/private")) == [None, "robots"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_a_robots_txt_that_cannot_be_read_forbids_and_says_so(encoding: str, tmp_path: Path) -> None:
    data = gzip.compress(RULES)[:-9] if encoding == "gzip" else b"\x1b\x03\x00\xf8"
    with raw_server(with_robots(send(response(data, content_encoding=encoding)))) as server:
        ((reason, detail),) = fetch_images(tmp_path, server.url + "/a")
    assert reason == "robots"
    assert "cannot be read" in str(detail)


def test_a_robots_txt_that_comes_byte_by_byte_is_given_up(tmp_path: Path) -> None:
    """In its head as in its body."""
    body: Reply = lambda path, request, to: (to.sendall(response(content_length=999)), trickle(to, b"#" * 200))  # noqa: E731
    head: Reply = lambda path, request, to: trickle(to, response(RULES))  # noqa: E731
    assert beside_a_good_host(tmp_path / "body", body) == ["no-answer"]
    assert beside_a_good_host(tmp_path / "head", head) == ["no-answer"]


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("99999999", MAX_DELAY_SECONDS), ("9" * 400, MAX_DELAY_SECONDS), ("9" * 5000, MAX_DELAY_SECONDS),
        ("86400", 86400.0), ("0.5", 0.5), ("10", 10.0), (".25", 0.25), ("1" * 15, MAX_DELAY_SECONDS),
        ("-1", 0.0), ("nan", 0.0), ("inf", 0.0), ("1e9", 0.0), ("\u00b2", 0.0), ("\u0663", 0.0), ("soon", 0.0),
        ("", 0.0), ("0", 0.0), ("9" * 400 + ".5", MAX_DELAY_SECONDS),
    ],
)  # fmt: skip
def test_a_crawl_delay_is_a_number_of_seconds_and_a_day_at_most(delay: str, seconds: float) -> None:
    assert parse_robots(f"User-agent: *\nCrawl-delay: {delay}\n".encode(), "treeoflife").delay == seconds


@pytest.mark.parametrize("delay", ["99999999", "9" * 400, "9" * 5000, "3600"])
def test_a_long_crawl_delay_is_said_and_not_waited_for(delay: str, tmp_path: Path) -> None:
    """The first image of the host is fetched; the others have a reason, and --again asks for the next."""
    text = f"User-agent: *\nCrawl-delay: {delay}".encode()
    with raw_server(with_robots(send(response(text)))) as server, raw_server(with_robots(send(response()))) as good:
        urls = [server.url + "/1", server.url + "/2", good.url + "/3", server.url + "/4"]
        outcome = fetch_images(tmp_path, *urls, connections=1)
    assert [reason for reason, _ in outcome] == [None, "host-busy", None, "host-busy"]
    seconds = "3,600" if delay == "3600" else "86,400"
    assert f"robots.txt asks for {seconds} seconds between requests" in str(outcome[1][1])


ODD = {
    "a byte order mark": b"\xef\xbb\xbf" + RULES,
    "UTF-16": RULES.decode().encode("utf-16"),
    "UTF-16 without its mark": RULES.decode().encode("utf-16-le"),
    "zeros": RULES.replace(b"\n", b"\0\n"),
    "not UTF-8": b"# Gr\xfcn\n" + RULES + b"Disallow: /\xff\xfe\n",
    "old line ends": RULES.replace(b"\n", b"\r"),
    "lines that no parser of addresses takes": b"Disallow: //[\nDisallow: //\xe2\x84\x80/\n"
    + RULES
    + b"Disallow: //[\n",
    "a million lines": RULES + b"\n" * 480_000,
    "wildcards without end": RULES + b"Disallow: /" + b"*a" * 100_000 + b"$\n",
    "many groups": b"User-agent: x\nDisallow: /\n" * 9000 + RULES,
    "rules before any agent": b"Disallow: /\nCrawl-delay: 9\n" + RULES,
    "numbers of 5,000 digits": RULES + b"Request-rate: " + b"9" * 5000 + b"/1\nVisit-time: 1-2\nCrawl-delay: x\n",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_whatever_its_bytes_are_the_rules_in_it_hold(text: bytes, tmp_path: Path) -> None:
    assert beside_a_good_host(tmp_path, send(response(text)), ("/a", "/private/a")) == [None, "robots"]


def test_the_longest_rule_decides_and_the_own_group_goes_before_that_for_all() -> None:
    rules = parse_robots(
        b"User-agent: *\nDisallow: /\n\nUser-agent: TreeOfLife/1.0\nUser-agent: other\nDisallow: /a\nAllow: /a/b\n"
        b"Disallow: /*.gif$ # pictures\nUser-agent: treeoflife\nDisallow: /%7Euser\nDisallow:\n", "treeoflife",
    )  # fmt: skip
    allowed = {path: rules.allow("http://x" + path) for path in
               ("/", "/a", "/a/b/c", "/c.gif", "/c.gif?x", "/~user", "/b?q=/a", "", "/a?x")}  # fmt: skip
    assert allowed == {
        "/": True, "/a": False, "/a/b/c": True, "/c.gif": False, "/c.gif?x": True, "/~user": False, "/b?q=/a": True,
        "": True, "/a?x": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "reason"),
    [("404 Not Found", None), ("401 X", None), ("403 X", None), ("410 X", None), ("500 X", "robots"),
     ("503 X", "robots"), ("304 X", None), ("204 X", None)],
)  # fmt: skip
def test_without_robots_txt_all_is_allowed_and_after_server_errors_nothing(
    status: str, reason: str | None, tmp_path: Path
) -> None:
    """RFC 9309, 2.3.1.3 and 2.3.1.4."""
    assert beside_a_good_host(tmp_path, send(response(status=status))) == [reason]


@pytest.mark.parametrize("target", ["/robots.txt", "http://10.0.0.1/robots.txt", "ftp://a/robots.txt"])
def test_a_robots_txt_behind_redirects_that_lead_nowhere_counts_as_none(target: str, tmp_path: Path) -> None:
    assert beside_a_good_host(tmp_path, send(response(status="302 X", location=target))) == [None]


def test_a_robots_txt_on_another_host_is_followed(tmp_path: Path) -> None:
    with raw_server(send(response(RULES))) as other:
        reply = send(response(status="301 X", location=other.url + "/rules"))
        assert beside_a_good_host(tmp_path, reply, ("/a", "/private")) == [None, "robots"]


def test_a_robots_txt_is_asked_for_once_by_all_connections(tmp_path: Path) -> None:
    lock, count = threading.Lock(), 0

    def counting(path: str, request: dict[str, str], to: Connection) -> None:
        nonlocal count
        with lock:
            count += 1
        to.sendall(response(RULES))

    beside_a_good_host(tmp_path, counting, tuple(f"/{n}" for n in range(30)))
    assert count == 1
