"""GNVerifier is asked in batches, again after errors, and never twice about a name."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from treeoflife.config.tables import Names, Verifier
from treeoflife.errors import ConfigError
from treeoflife.taxonomy import naming
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.taxonomy.providers.verifier import answer_records, ask
from treeoflife.taxonomy.resolving.evidence_columns import conform

ANSWER = {
    "matchedCanonicalSimple": "Morus alba", "currentCanonicalSimple": "Morus alba", "isSynonym": False,
    "matchType": "Exact", "dataSourceId": 1,
    "classificationPath": "Plantae|Tracheophyta|Magnoliopsida|Rosales|Moraceae|Morus|Morus alba",
    "classificationRanks": "kingdom|phylum|class|order|family|genus|species",
}  # fmt: skip
Reply = Callable[[dict[str, Any]], tuple[int, Any]]


class Service:
    """A server that answers like GNVerifier, after the replies that a test puts first."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.first: list[Reply] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append(question | {"path": self.path})
                reply = service.first.pop(0) if service.first else service.answer
                status, body = reply(question)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, question: dict[str, Any]) -> tuple[int, Any]:
        return 200, {
            "names": [
                {"name": n, "bestResult": ANSWER if n == "Morus alba" else None, "matchType": "Exact"}
                for n in question["nameStrings"]
            ]
        }

    def settings(self, **changes: Any) -> Verifier:
        port = self.server.server_address[1]
        return Verifier.model_validate(
            {
                "enabled": True,
                "url": f"http://127.0.0.1:{port}",
                "batch": 2,
                "per_second": 1000,
                "retries": 2,
                "timeout": 5,
            }
            | changes
        )


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_names_are_asked_in_batches_and_never_again(service: Service, tmp_path: Path) -> None:
    names = ["Morus alba", "Aus bus", "Cus dus"]
    first = ask(names, service.settings(), tmp_path / "cache.sqlite")
    assert [len(question["nameStrings"]) for question in service.asked] == [2, 1]
    assert {question["path"] for question in service.asked} == {"/api/v1/verifications"}
    assert service.asked[0]["withAllMatches"] is True
    assert ask(names, service.settings(), tmp_path / "cache.sqlite") == first
    assert len(service.asked) == 2


def test_an_error_or_nonsense_is_asked_again(service: Service, tmp_path: Path) -> None:
    service.first = [lambda _: (503, {}), lambda _: (200, b"<html>")]
    assert ask(["Morus alba"], service.settings(), tmp_path / "c")["Morus alba"] == [ANSWER]
    assert len(service.asked) == 3


@pytest.mark.parametrize("reply", [(503, {}), (400, {}), (200, []), (200, {"names": [{}]})])
def test_if_the_service_is_unavailable_the_run_goes_on_says_so_and_the_next_run_asks(
    service: Service, tmp_path: Path, reply: tuple[int, Any]
) -> None:
    service.first = [lambda _: reply] * (3 if reply[0] == 503 else 1)
    notes: list[str] = []
    assert ask(["Morus alba"], service.settings(), tmp_path / "c", notes.append) == {}
    assert "1 names are left without GNVerifier's answer" in notes[0]
    assert ask(["Morus alba"], service.settings(), tmp_path / "c")["Morus alba"] == [ANSWER]


def test_a_service_that_does_not_answer_in_time_counts_as_unavailable(service: Service, tmp_path: Path) -> None:
    waiting = threading.Event()
    service.first = [lambda _: ((waiting.wait(5) and 200) or 200, {})]
    notes: list[str] = []
    assert ask(["Morus alba"], service.settings(timeout=0.2, retries=0), tmp_path / "c", notes.append) == {}
    waiting.set()
    assert notes


def test_only_exact_matches_are_records_with_all_their_ranks() -> None:
    answers = {"Morus alba": [ANSWER], "Morus alta": [ANSWER | {"matchType": "Fuzzy"}]}
    records = answer_records(answers, SimpleParser())
    assert records.rows() == [("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba")]


def test_a_url_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="http"):
        ask(["Aus bus"], Verifier(enabled=True, url="file:///etc/passwd"), tmp_path / "c")


def test_names_that_no_local_authority_knows_are_asked_about_once(service: Service, tmp_path: Path) -> None:
    names, cache, parser = (
        Names(parser="simple", verifier=service.settings()),
        tmp_path / "cache.sqlite",
        SimpleParser(),
    )
    keys = {"source": ["s", "s"], "name_key": ["1", "2"], "origin": ["s", "s"]}
    rows = conform(pl.DataFrame(keys | {"genus": ["Morus", "Novus"], "species": ["alba", "novus"]}))
    answers = []
    for _ in range(2):
        local = authorities.load(names, parser)
        named, _ = naming.name_evidence(rows, naming.ask_verifier(names, rows, local, parser, cache, print), ())
        answers.append(named.sort("name_key").select("kingdom", "family", "family_from").rows())
    assert answers[0] == answers[1] == [("Plantae", "Moraceae", "verifier:species"), ("", "", "")]
    assert [question["nameStrings"] for question in service.asked] == [["Morus alba", "Novus novus"]]


def raw_service(send: Callable[[socket.socket], object]) -> tuple[str, socket.socket]:
    """A service that answers every request by what ``send`` does with the connection; its URL, and its socket."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(1 << 16)
                    send(connection)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", listening


def trickle(connection: socket.socket, data: bytes) -> None:
    for number in range(len(data)):
        connection.sendall(data[number : number + 1])
        threading.Event().wait(0.02)


@pytest.mark.parametrize(
    "send",
    [
        pytest.param(lambda to: trickle(to, b"HTTP/1.1 200 OK\r\nX: " + b"a" * 999), id="a head byte by byte"),
        pytest.param(lambda to: trickle(to, b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 999), id="a body byte by byte"),
        pytest.param(lambda to: to.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), id="half a body"),
        pytest.param(lambda to: to.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n{" % (b"9" * 5000)), id="9s"),
        pytest.param(lambda to: to.sendall(b"SSH-2.0\r\n"), id="no HTTP"),
        pytest.param(lambda to: to.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 999 + b"\r\n{}"), id="many headers"),
        pytest.param(lambda to: None, id="nothing"),
    ],
)  # fmt: skip
def test_whatever_a_service_sends_the_names_are_left_unanswered_and_that_is_said(
    send: Callable[[socket.socket], object], tmp_path: Path
) -> None:
    url, listening = raw_service(send)
    notes: list[str] = []
    settings = Verifier(enabled=True, url=url, timeout=0.3, retries=0, per_second=1000)
    with listening:
        assert ask(["Morus alba"], settings, tmp_path / "c", notes.append) == {}
    assert "1 names are left without GNVerifier's answer" in notes[0]


def test_a_service_that_redirects_gets_no_names_elsewhere(service: Service, tmp_path: Path) -> None:
    """Names are sent to the configured service, and to no address that it names."""
    head = f"HTTP/1.1 302 Found\r\nLocation: {service.settings().url}/x\r\nContent-Length: 0\r\n\r\n".encode()
    url, listening = raw_service(lambda to: to.sendall(head))
    notes: list[str] = []
    settings = Verifier(enabled=True, url=url, timeout=5, retries=0)
    with listening:
        assert ask(["Morus alba"], settings, tmp_path / "c", notes.append) == {}
    assert "answered 302" in notes[0]
    assert not service.asked


def test_names_that_an_answer_leaves_out_are_asked_again(service: Service, tmp_path: Path) -> None:
    """They are not recorded as unknown."""
    service.first = [lambda _: (200, {"names": [{"name": "Aus bus", "bestResult": None}]})]
    notes: list[str] = []
    assert list(ask(["Aus bus", "Morus alba"], service.settings(), tmp_path / "c", notes.append)) == ["Aus bus"]
    assert notes == ["1 names are left without GNVerifier's answer: its answers leave them out"]
    assert ask(["Morus alba"], service.settings(), tmp_path / "c")["Morus alba"] == [ANSWER]
