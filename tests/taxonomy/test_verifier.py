"""GNVerifier is asked in batches, again after errors, and never twice about a name."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from treeoflife.config.tables import Names, Verifier
from treeoflife.errors import ConfigError
from treeoflife.taxonomy import authorities, naming
from treeoflife.taxonomy.evidence import conform
from treeoflife.taxonomy.simple import SimpleParser
from treeoflife.taxonomy.verifier import answer_records, ask

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
