"""Servers that trickle, redirect inward, send without end, and answer with junk cost no more than their own rows."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.files.transfer import FileRequest, fetch_file
from treeoflife.download.web.addresses import network_of, networks_of
from treeoflife.download.web.http_client import make_client
from treeoflife.errors import InputError

from .images import PICTURE, fetch_images, reasons
from .raw import Connection, Reply, flood, raw_server, response, trickle

QUICK = DownloadTable(stall_seconds=0.2, tries=2, wait_seconds=0.001)


def send(data: bytes) -> Reply:
    return lambda path, request, connection: connection.sendall(data)


def component_error(url: str, path: Path, settings: DownloadTable = QUICK) -> str:
    with make_client(4, settings.stall_seconds) as client, pytest.raises(InputError) as caught:
        fetch_file(FileRequest(url, path), client, settings)
    assert url in str(caught.value)
    return str(caught.value)


SLOW: dict[str, Reply] = {
    "a body": lambda path, request, to: (to.sendall(response(content_length=5000)), trickle(to, bytes(200))),
    "a status line": lambda path, request, to: trickle(to, response(PICTURE)),
    "a header": lambda path, request, to: (to.sendall(b"HTTP/1.1 200 OK\r\nX-A: "), trickle(to, b"a" * 200)),
    "chunk sizes": lambda path, request, to: (
        to.sendall(response(content_length=None, transfer_encoding="chunked")), trickle(to, b"1\r\na\r\n" * 200)
    ),
}  # fmt: skip


@pytest.mark.parametrize("reply", SLOW.values(), ids=SLOW)
def test_what_comes_byte_by_byte_is_given_up_after_a_while(reply: Reply, tmp_path: Path) -> None:
    """A byte now and then keeps each time-out from firing."""
    with raw_server(reply) as server:
        outcome = fetch_images(tmp_path, server.url + "/a", stall_seconds=0.2, robots=False)
        assert outcome[0][0] == "no-answer"
        assert "brought" in str(outcome[0][1])
        assert "brought" in component_error(server.url + "/a", tmp_path / "a.bin")


def test_the_page_of_an_error_is_not_waited_for(tmp_path: Path) -> None:
    """Its beginning goes into the message, as far as it has come."""

    def reply(path: str, request: dict[str, str], to: Connection) -> None:
        to.sendall(response(b"<html>Down", content_length=5000, content_type="text/html"))
        trickle(to, b"a" * 400)

    with raw_server(reply) as server:
        assert "HTML page instead of the file: Down" in component_error(server.url + "/a", tmp_path / "a.bin")


def test_interim_responses_without_end_are_given_up(tmp_path: Path) -> None:
    reply: Reply = lambda path, request, to: flood(to, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)  # noqa: E731
    with raw_server(reply) as server:
        assert reasons(tmp_path, server.url + "/a", robots=False) == ["no-answer"]
        assert "head of its response" in component_error(server.url + "/a", tmp_path / "a.bin")


def redirecting(target: Callable[[], str]) -> Reply:
    return lambda path, request, to: to.sendall(response(status="302 Found", location=target()))


def test_a_redirect_to_another_host_is_asked_for_in_that_hosts_robots_txt(tmp_path: Path) -> None:
    """Also after several redirects; what it allows is fetched."""

    def strict(path: str, request: dict[str, str], to: Connection) -> None:
        to.sendall(response(b"User-agent: *\nDisallow: /private\n" if path == "/robots.txt" else PICTURE))

    with raw_server(strict) as other:

        def first(path: str, request: dict[str, str], to: Connection) -> None:
            if path == "/robots.txt":
                to.sendall(response(status="404 Not Found"))
            elif path.startswith("/twice"):
                to.sendall(response(status="301 Moved", location=path.removeprefix("/twice")))
            else:
                to.sendall(response(status="302 Found", location=other.url + path))

        with raw_server(first) as server:
            outcome = fetch_images(
                tmp_path, *(server.url + path for path in ("/private", "/open", "/twice/private", "/twice/open"))
            )
        assert [reason for reason, _ in outcome] == ["robots", None, "robots", None]
        assert other.url + "/private" in str(outcome[0][1])
        assert other.paths().count("/robots.txt") == 1
        assert "/private" not in other.paths()


def test_a_redirect_to_another_host_keeps_to_that_hosts_limits(tmp_path: Path) -> None:
    """Its Crawl-delay is waited for, however the images are come by."""

    def slow_host(path: str, request: dict[str, str], to: Connection) -> None:
        to.sendall(response(b"User-agent: *\nCrawl-delay: 4000\n" if path == "/robots.txt" else PICTURE))

    with raw_server(slow_host) as other, raw_server(redirecting(lambda: other.url + "/image")) as server:
        outcome = reasons(tmp_path, server.url + "/1", server.url + "/2", server.url + "/3")
        assert sorted(map(str, outcome)) == ["None", "host-busy", "host-busy"]


class Names:
    """Names of hosts, each with the addresses that looking it up gives; the last of them ever after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
        self.names, self.real = names, socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: object, port: object, *rest: object, **keys: object) -> list[object]:
        name = str(host).partition(".example")[0]
        if name in self.names:
            known = self.names[name]
            host = known.pop(0) if len(known) > 1 else known[0]
        return self.real(host, port, *rest, **keys)  # type: ignore[arg-type, return-value]


INSIDE = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://127.1:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://0.0.0.0:{port}/", "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/", "http://[2002:7f00:1::]/",
    "http://[64:ff9b::7f00:1]/", "http://10.0.0.1/", "http://192.168.1.1/", "http://172.16.0.1/",
    "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://[fe80::1]/", "http://100.64.0.1/",
    "http://private.example:{port}/", "http://mixed.example:{port}/",
]  # fmt: skip


def test_a_redirect_from_a_public_address_to_a_closed_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever notation, and under whatever name; the server inside gets no request."""
    monkeypatch.setenv("http_proxy", "")
    asked: list[str] = []
    with raw_server(lambda path, request, to: (asked.append(path), to.sendall(response(PICTURE)))) as inside:
        port = inside.server_address[1]
        targets = iter([target.format(port=port) for target in INSIDE])
        with raw_server(redirecting(lambda: next(targets))) as public:
            # The proxy stands for the internet: whatever name it is asked for, it answers with a redirect.
            monkeypatch.setenv("http_proxy", public.url)
            monkeypatch.setenv("no_proxy", "")
            Names(monkeypatch, private=["10.1.1.1"])
            urls = [f"http://museum{n}.example/i/{n}" for n in range(len(INSIDE) - 1)]
            outcome = fetch_images(tmp_path, *urls, robots=False, connections=1)
    assert [reason for reason, _ in outcome] == ["bad-redirect"] * len(urls), outcome
    assert not asked


def test_the_network_of_an_address_is_that_which_it_reaches() -> None:
    """Also of addresses of IPv6 that stand for one of IPv4."""
    for address, network in {
        "8.8.8.8": "public", "2606:4700::1111": "public", "::ffff:8.8.8.8": "public", "127.9.9.9": "loopback",
        "::1": "loopback", "0.0.0.0": "loopback", "::": "loopback", "::ffff:127.0.0.1": "loopback",
        "2002:7f00:1::": "loopback", "64:ff9b::7f00:1": "loopback", "::7f00:1": "loopback", "10.9.9.9": "private",
        "2001:0:1:1:1:1:80ff:fffe": "loopback", "64:ff9b:1::1": "private", "fc00::1": "private", "fec0::1": "private",
        "224.0.0.1": "private", "255.255.255.255": "private", "100.64.0.1": "private", "198.18.0.1": "private",
        "169.254.169.254": "link-local", "fe80::1%eth0": "link-local", "::ffff:169.254.169.254": "link-local",
        "2002:c0a8:101::": "private",
    }.items():  # fmt: skip
        assert network_of(address) == network, address
        ip_address(address.partition("%")[0])
    assert networks_of("no.such.host.invalid") == {"public"}


@pytest.mark.parametrize(
    ("lookups", "outcome"),
    [
        pytest.param({"museum": ["127.0.0.1", "8.8.8.8"]}, "bad-redirect", id="the origin's name is public"),
        pytest.param({"museum": ["127.0.0.1"]}, None, id="the origin is this computer"),
    ],
)
def test_a_redirect_inward_is_judged_by_the_address_of_its_origin(
    lookups: dict[str, list[str]], outcome: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table's own address is asked as it stands; only a stranger on the internet may not lead inside."""
    with raw_server(send(response(PICTURE))) as inside, raw_server(redirecting(lambda: inside.url + "/a")) as origin:
        Names(monkeypatch, **lookups)
        url = f"http://museum.example:{origin.server_address[1]}/a"
        assert reasons(tmp_path, url, robots=False) == [outcome]
        assert bool(inside.requests) is (outcome is None)


def test_a_name_that_leads_elsewhere_when_it_is_asked_gives_no_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was public when it was looked at, and is this computer's when it is connected to (DNS rebinding)."""
    with raw_server(send(response(PICTURE))) as inside:
        port = inside.server_address[1]
        with raw_server(redirecting(lambda: f"http://rebinding.example:{port}/a")) as origin:
            Names(monkeypatch, rebinding=["8.8.8.8", "127.0.0.1"])
            outcome = fetch_images(tmp_path, origin.url + "/a", robots=False)
            assert outcome == [("bad-redirect", "a redirect leads to rebinding.example, which is a loopback address")]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("ftp://127.0.0.1/a", "no address of the web"),
        ("file:///etc/passwd", "no address of the web"),
        ("gopher://127.0.0.1/", "no address of the web"),
        ("/again", "more than 10 redirects"),
        ("http://169.254.169.254/latest/meta-data", "link-local address"),
        ("http://10.0.0.1/", "private address"),
    ],
)
def test_a_redirect_that_must_not_be_followed_is_an_error_that_says_why(
    target: str, message: str, tmp_path: Path
) -> None:
    """Of a component, and in the ledger of images."""
    with raw_server(redirecting(lambda: target)) as server:
        assert message in component_error(server.url + "/a", tmp_path / "a.bin")
        ((reason, detail),) = fetch_images(tmp_path, server.url + "/a", robots=False)
        assert reason == "bad-redirect"
        assert message in str(detail)


@pytest.mark.parametrize(
    "location", ["http://[::1", "http://a:99999999/", "http://\u00ff\u0000/", "http://" + "a" * 300]
)
def test_a_redirect_to_no_address_costs_its_own_row(location: str, tmp_path: Path) -> None:
    with raw_server(redirecting(lambda: location)) as server, raw_server(send(response(PICTURE))) as good:
        outcome = reasons(tmp_path, server.url + "/a", good.url + "/b", robots=False)
        assert outcome[0] in ("no-answer", "bad-address", "bad-redirect")
        assert outcome[1] is None
        component_error(server.url + "/a", tmp_path / "a.bin")


def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    """It may have no end, or be a bomb."""
    with raw_server(send(response(PICTURE))) as good:
        head = response(status="302 Found", content_length=None, location=good.url + "/b", content_encoding="gzip")
        with raw_server(lambda path, request, to: flood(to, head)) as server:
            assert reasons(tmp_path, server.url + "/a", robots=False) == [None]


def test_an_image_larger_than_the_limit_is_not_read_to_its_end(tmp_path: Path) -> None:
    taken: list[int] = []
    reply: Reply = lambda path, request, to: taken.append(flood(to, response(b"\xff\xd8\xff", content_length=None)))  # noqa: E731
    with raw_server(reply) as server:
        assert reasons(tmp_path, server.url + "/a", robots=False, max_bytes=100_000) == ["too-many-bytes"]
    assert taken[0] < 20_000_000


HALF = len(PICTURE) // 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (response(PICTURE, version="1.0", content_length=None), None),
        (response(PICTURE[:HALF], version="1.0", content_length=None), "incomplete"),
        (response(PICTURE[:HALF], content_length=None), "incomplete"),
        (response(PICTURE[:HALF], content_length=len(PICTURE)), "no-answer"),
        (response(b"40\r\n" + PICTURE[:HALF], content_length=None, transfer_encoding="chunked"), "no-answer"),
        (response(b"II*\0" + bytes(99), content_length=None), "incomplete"),
        (response(content_length=0), "not-an-image"),
        (response(PICTURE, content_encoding="br"), "compressed"),
        (response(PICTURE, content_encoding=""), None),
    ],
)
def test_half_an_image_is_no_image(reply: bytes, reason: str | None, tmp_path: Path) -> None:
    with raw_server(send(reply)) as server:
        assert reasons(tmp_path, server.url + "/a", robots=False) == [reason]


JUNK = {
    "a length in words": response(PICTURE, content_length="many"),
    "a negative length": response(PICTURE, content_length=-5),
    "a length of 5,000 digits": response(PICTURE, content_length="9" * 5000),
    "two lengths": response(PICTURE, content_length="5, 6"),
    "two length fields": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + PICTURE,
    "a length in superscript": b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n" + PICTURE,
    "a status in words": b"HTTP/1.1 OK\r\n\r\n",
    "a status of 5,000 digits": b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n",
    "another protocol": b"220 mail.example ESMTP\r\n",
    "zeros": bytes(5000),
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 900_000,
    "a million headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200_000,
    "a chunk of 5,000 digits": response(b"f" * 5000 + b"\r\n", content_length=None, transfer_encoding="chunked"),
    "another transfer coding": response(PICTURE, transfer_encoding="gzip"),
    "nothing": b"",
}


@pytest.mark.parametrize("reply", JUNK.values(), ids=JUNK)
def test_a_malformed_response_is_a_sentence_and_costs_its_own_row(reply: bytes, tmp_path: Path) -> None:
    with raw_server(send(reply)) as server, raw_server(send(response(PICTURE))) as good:
        assert reasons(tmp_path, server.url + "/a", good.url + "/b", robots=False) == ["no-answer", None]
        assert reasons(tmp_path / "robots", server.url + "/a", good.url + "/b") == ["no-answer", None]
        component_error(server.url + "/a", tmp_path / "a.bin")


@pytest.mark.parametrize(
    "headers",
    [
        {"content_range": "bytes " + "9" * 5000 + "-" + "9" * 5000 + "/" + "9" * 5000},
        {"content_range": "bytes 0-" + "9" * 30 + "/" + "9" * 31},
        {"content_range": "bytes -5-9/10"},
        {"content_range": "bytes \u00b2-9/10"},
        {"content_range": "bytes 0-9/10", "last_modified": "9" * 5000, "date": "Mon, " + "9" * 5000},
    ],
)
def test_a_content_range_that_is_no_range_is_a_sentence(headers: dict[str, str], tmp_path: Path) -> None:
    with raw_server(send(response(bytes(5), "206 Partial Content", **headers))) as server:
        component_error(server.url + "/a", tmp_path / "a.bin")


@pytest.mark.parametrize(
    "wish", ["9" * 5000, "99999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"]
)
def test_a_host_that_asks_to_wait_for_years_is_not_waited_for(wish: str, tmp_path: Path) -> None:
    """Its rows say so; those of other hosts are fetched."""
    busy = response(status="503 Busy", retry_after=wish)
    with raw_server(send(busy)) as server, raw_server(send(response(PICTURE))) as good:
        urls = [server.url + "/1", good.url + "/2", server.url + "/3", good.url + "/4"]
        outcome = fetch_images(tmp_path, *urls, robots=False, connections=1)
    assert [reason for reason, _ in outcome] == ["http-503", None, "host-busy", None]
    assert "asks to wait for" in str(outcome[0][1])
    assert "asked to wait for" in str(outcome[2][1])


@pytest.mark.parametrize("wish", ["-5", "soon", "\u0663", "1e9", "nan", "Thu, 99 Foo 2020", ""])
def test_a_retry_after_that_is_no_time_does_not_count(wish: str, tmp_path: Path) -> None:
    reply = f"HTTP/1.1 503 Busy\r\nRetry-After: {wish}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    with raw_server(send(reply)) as server:
        assert reasons(tmp_path, server.url + "/1", robots=False) == ["http-503"]
        assert len(server.requests) == 2


def test_a_way_from_https_to_http_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sits between could have changed the file."""
    import httpx

    from treeoflife.download.web.redirects import follow

    def reply(request: httpx.Request) -> httpx.Response:
        secure = request.url.scheme == "https"
        return httpx.Response(301, headers={"Location": "http://a.invalid/b"}) if secure else httpx.Response(200)

    notes: list[str] = []
    client = httpx.Client(transport=httpx.MockTransport(reply))
    with client, follow(client, "https://a.invalid/a", {}, notes.append) as answer:
        assert answer.status_code == 200
    assert "redirected from https to http://a.invalid/b" in notes[0]


def test_a_token_is_not_sent_to_another_host(tmp_path: Path) -> None:
    with raw_server(send(response(b"x", etag='"1"'))) as other, raw_server(redirecting(lambda: other.url)) as server:
        request = FileRequest(server.url, tmp_path / "a", headers={"Authorization": "Bearer secret"})
        with make_client(2, 1) as client:
            fetch_file(request, client, QUICK, SilentListener())
        assert server.requests[0][1]["authorization"] == "Bearer secret"
        assert "authorization" not in other.requests[0][1]


def test_a_host_whose_responses_never_end_is_given_up(tmp_path: Path) -> None:
    """After fifty in a row; that each began does not count as an answer."""
    broken = response(PICTURE[:9], content_length=999)
    with raw_server(send(broken)) as server, raw_server(send(response(PICTURE))) as good:
        urls = [server.url + f"/{n}" for n in range(80)] + [good.url + f"/{n}" for n in range(80)]
        outcome = reasons(tmp_path, *urls, robots=False, tries=1)
        assert outcome == ["no-answer"] * 80 + [None] * 80
        assert len(server.requests) < 70


def test_a_compressed_picture_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with raw_server(send(response(bomb, content_encoding="gzip"))) as server:
        assert reasons(tmp_path, server.url + "/1", robots=False) == ["compressed"]
