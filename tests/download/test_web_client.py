"""The client of small requests: what it takes for a response, which connections it keeps, and whom it trusts."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from treeoflife.download.web.web_address import Address, join_address, parse_address
from treeoflife.download.web.web_client import NoAnswerError, WebClient

from .museums import museums, pictures
from .raw import Connection, raw_server
from .server import Handler, serving


@contextmanager
def client(**options: float) -> Iterator[WebClient]:
    made = WebClient(4, options.get("stall_seconds", 5.0), "")
    try:
        yield made
    finally:
        made.close()


def body(sender: WebClient, url: str) -> bytes:
    with sender.get(parse_address(url)) as response:
        return b"".join(response.pieces())


BODIES = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n03;a=b\r\nllo\r\n0\r\nX: 1\r\n\r\n",
    "the connection's end": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "an older version": b"HTTP/1.0 200 OK\n\nhello",
    "interim responses": b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "a folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
    "a line that is no header": b"HTTP/1.1 200 OK\r\nnonsense\r\ncontent-LENGTH:5\r\n\r\nhello",
    "a space before a colon": b"HTTP/1.1 200 OK\r\nTransfer-Encoding\t: chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a carriage return in a value": b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nhello",
    "one length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("reply", BODIES.values(), ids=BODIES)
def test_a_body_is_read_to_its_end_however_that_is_shown(reply: bytes) -> None:
    with raw_server(lambda path, request, to: to.sendall(reply)) as server, client() as sender:
        assert body(sender, server.url) == b"hello"


BROKEN = {
    "fewer bytes than it says": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    "a chunk that is cut off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a chunk that is longer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer, and ends as the last does": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello, 0\r\n\r\n"
    ),
    "a negative chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "a trailer without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: a\r\n" * 100_000,
    "a head that is cut off": b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n",
    "a head of more than is ever sent": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\nhello",
    "a Content-Type that Python's parser fails at": (
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x; boundary*=a; boundary*0=b\r\nContent-Length: 5\r\n\r\nhello"
    ),
    "another protocol": b"220 mail.example\tESMTP\x1b[2J\r\n",
    "a coding that nobody asked for": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    ),
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\nhelloworld",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_no_answer(reply: bytes) -> None:
    server = raw_server(lambda path, request, to: to.sendall(reply))
    with server as running, client() as sender, pytest.raises(NoAnswerError) as raised:
        body(sender, running.url)
    assert str(raised.value).isprintable()


def test_headers_are_read_whatever_stands_between_them() -> None:
    head = (
        b"HTTP/1.1 302 Found\r\n folded\r\nnonsense\r\nHTTP/1.1 200 OK\r\nX-Robots-Tag: noai\r\nfrom nobody: x\r\n"
        b"x-robots-TAG : a,\r\n\t b\r\n \r\nLocation: /\xc3\xa0 \r\n\xe4: x\r\nContent-Length: 0\r\n\r\n"
    )
    server = raw_server(lambda path, request, to: to.sendall(head))
    with server as running, client() as sender, sender.get(parse_address(running.url)) as response:
        assert response.status == 302
        assert response.headers("x-robots-tag") == ["noai", "a, b"]
        assert response.location == "/\xc3\xa0"
        assert response.headers("x-other") == []


def test_what_a_server_sends_unasked_is_no_answer_to_the_next_request() -> None:
    """Else an image would stand under the address of another."""
    unasked = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"

    def reply(path: str, request: dict[str, str], to: Connection) -> None:
        to.sendall(BODIES["a length"] + unasked)
        with suppress(OSError):
            to.recv(1)  # until the client closes the connection

    with raw_server(reply) as server, client() as sender:
        assert [body(sender, server.url) for _ in range(3)] == [b"hello"] * 3


def test_a_connection_serves_many_requests_and_one_that_was_closed_meanwhile_is_opened_again() -> None:
    """Also after an error page that nobody read."""
    connections: set[object] = set()

    def keeps(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        connections.add(handler.client_address)
        return 404, b"no such picture", {}

    def closes(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
        handler.close_connection = True
        return pictures(handler)

    with museums(keeps) as (host,), client() as sender:
        for number in range(5):
            with sender.get(parse_address(host.url(f"/{number}"))) as response:
                assert response.status == 404
        assert len(connections) == 1
        host.reply = closes
        for number in range(3):
            assert body(sender, host.url(f"/{number}"))
    assert sum(host.paths.values()) == 8


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
def test_https_is_trusted_only_with_a_certificate_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=museum", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.answer = lambda handler: bool(handler.wfile.write(BODIES["a length"]))
        url = server.url.replace("http:", "https:")
        with client() as sender, pytest.raises(NoAnswerError, match="certificate"):
            body(sender, url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with client() as sender:
            assert [body(sender, url) for _ in range(3)] == [b"hello"] * 3


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://a.example", "http://a.example/"),
        (" https://A.example:443/b c/\u00e4?q=\u00e9 x#top", "https://a.example/b%20c/%C3%A4?q=%C3%A9%20x"),
        ("http://b\u00fccher.example/%41%zz", "http://xn--bcher-kva.example/%41%zz"),
        ("http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://a_b.example:80/\r\nX: y", "http://a_b.example/X:%20y"),
        ("http://a.example?x=1", "http://a.example/?x=1"),
    ],
)
def test_an_address_is_sent_as_the_web_writes_it(url: str, sent: str) -> None:
    assert str(parse_address(url)) == sent
    assert parse_address(sent) == parse_address(url)


@pytest.mark.parametrize(
    "url", ["", "a.jpg", "ftp://a.example/b", "http://", "http://[::1", "http://a:99999999/", "http://a b/", "http:///x",
            "//a.example/b", "http://\x00/x", "http://" + "a" * 300]
)  # fmt: skip
def test_what_is_no_address_is_an_error(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - several functions raise it, each with words of its own
        parse_address(url)


def test_a_redirect_is_joined_to_the_address_that_sends_it() -> None:
    base = Address("http", "a.example", 80, "/b/c?d")
    assert join_address(base, "/e") == "http://a.example/e"
    assert join_address(base, "//f.example/g") == "http://f.example/g"
    assert join_address(base, "h\u00c3\u00a4") == "http://a.example/b/h\u00e4"
