"""Uploading to a Hub on this computer: completely, no file twice, and resumable."""

from __future__ import annotations

import getpass
import io
import socket
import tomllib
import zlib
from pathlib import Path
from subprocess import CompletedProcess

import pytest

pytest.importorskip("huggingface_hub", reason="pip install 'treeoflife[publish]'")

import pyarrow.parquet as pq

from helpers import ROOT, built, cli
from publish.hub import Hub, hub
from treeoflife.config.config import load, parse
from treeoflife.testing.world import World


def publish(server: Hub, out: Path, *words: str, token: str = "secret") -> CompletedProcess[str]:
    environment = {
        "HF_ENDPOINT": server.url,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return cli("publish", "me/birds", "--config", out / "dataset.toml", *words, **environment)


def test_shards_and_their_descriptions_are_uploaded_and_nothing_is_sent_twice(build_copy: Path) -> None:
    with hub() as server:
        dry = publish(server, build_copy, "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "a new repository" in dry.stdout
        assert server.repos == {}
        card = (build_copy / "README.md").read_bytes()
        done = publish(server, build_copy)
        assert done.returncode == 0, done.stderr
        on_hub = server.repos["me/birds"]
        shards = {path.relative_to(build_copy).as_posix() for path in build_copy.glob("224x224/*/*.tar")}
        described = {"README.md", "croissant.json", "dataset.toml", "224x224/catalog.parquet", "ledger/ledger.parquet"}
        assert shards | described <= set(on_hub)
        assert all((build_copy / name).read_bytes() == on_hub[name] for name in set(on_hub) - {"dataset.toml"})
        assert not any(name.startswith(("encoded/", "plan/", "logs/", ".")) for name in on_hub)
        assert f"{server.url}/datasets/me/birds" in on_hub["croissant.json"].decode()
        assert card != on_hub["README.md"]  # which says where the dataset is
        assert "to do" not in cli("status", "--config", build_copy).stdout
        sent, commits = list(server.sent), len(server.commits)
        again = publish(server, build_copy)
        assert again.returncode == 0, again.stderr
        assert "0 files sent" in again.stdout
        assert (server.sent, len(server.commits)) == (sent, commits)


def test_no_published_byte_tells_of_the_computer(build_copy: Path, drawn_world: World, drawn_build: Path) -> None:
    """Neither its folders nor its name: in no file, in no value of a table, and in no metadata of one."""
    config = build_copy / "dataset.toml"
    config.write_text(f"# made on {socket.gethostname()}, see /home/ada/notes\n{config.read_text()}")
    done = cli("report", "--config", config)
    assert done.returncode == 0, done.stderr
    built(config)
    folders = [build_copy, drawn_build, drawn_world.root, Path.home(), ROOT]
    signs = [str(folder).encode() for folder in folders if len(folder.parts) > 2] + [b"/home/ada"]
    names = {socket.gethostname(), getpass.getuser()}
    signs += [name.encode() for name in names if len(name) > 6]  # a shorter one is in any file by chance
    with hub() as server:
        published = publish(server, build_copy)
        assert published.returncode == 0, published.stderr
    on_hub = server.repos["me/birds"]
    assert {"dataset.toml", "reports/index.html", "reports/treemap-from-kingdom.pdf"} <= set(on_hub)
    for name, data in on_hub.items():
        texts = [data]
        if name.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(data))
            texts += [repr(table.to_pylist()).encode(), repr(table.schema.metadata).encode()]
        elif name.endswith(".pdf"):
            texts += [zlib.decompress(part) for part in pdf_streams(data)]
        assert not [(name, sign) for text in texts for sign in signs if sign in text]


def pdf_streams(data: bytes) -> list[bytes]:
    """The compressed parts of a PDF."""
    parts = (part.partition(b"endstream")[0].strip(b"\r\n") for part in data.split(b"stream\n")[1:])
    return [part for part in parts if part[:1] == b"\x78"]


def test_the_published_configuration_can_be_read_and_says_what_it_is(build_copy: Path) -> None:
    """It has the keys that the result depends on; a reader writes paths of their own into it."""
    with hub() as server:
        assert publish(server, build_copy).returncode == 0
    text = server.repos["me/birds"]["dataset.toml"].decode()
    assert text.startswith("# A copy for readers: folders of the computer are called <raw>")
    assert '[sources.eol]\npath = "<raw>/eol"' in text
    table = tomllib.loads(text)
    config = parse(table, build_copy)
    assert config.wds == load(build_copy).wds
    assert "engine" not in table


def test_a_hub_that_cannot_be_asked_is_not_said_to_keep_anything(build_copy: Path) -> None:
    with hub() as server:
        pass  # now nobody listens at its address
    failed = publish(server, build_copy, "--dry-run")
    assert failed.returncode == 1
    assert "me/birds on the Hub" in failed.stderr
    assert "stay there" not in failed.stderr


def test_an_interrupted_upload_continues_where_it_was(build_copy: Path) -> None:
    with hub() as server:
        server.breaks_after = 3
        broken = publish(server, build_copy)
        assert broken.returncode == 1
        assert "the same command goes on" in broken.stderr
        assert "Traceback" not in broken.stderr
        server.breaks_after = None
        assert publish(server, build_copy).returncode == 0
        assert len(server.sent) == len(set(server.sent))
        assert set(server.repos["me/birds"]) >= {"README.md", "224x224/train/shard-000000.tar"}


def test_after_a_correction_only_changed_shards_are_sent_and_outdated_ones_removed(build_copy: Path) -> None:
    with hub() as server:
        assert publish(server, build_copy).returncode == 0
        server.repos["me/birds"] |= {"224x224/val/shard-000099.tar": b"of an earlier build", "LICENSE": b"of its owner"}
        server.sent.clear()
        first = (build_copy / "224x224/catalog.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[1]
        (build_copy / "marks.csv").write_text(f"treeoflife_id,verdict,genus\n{first},relabel,Puma\n", encoding="utf-8")
        stale = publish(server, build_copy)
        assert stale.returncode == 1
        assert "not built to its end" in stale.stderr
        assert cli("build", "--config", build_copy / "dataset.toml").returncode == 0
        assert publish(server, build_copy).returncode == 0
        on_hub = server.repos["me/birds"]
        assert "224x224/val/shard-000099.tar" not in on_hub
        assert on_hub.pop("LICENSE") == b"of its owner"
        assert all((build_copy / name).read_bytes() == on_hub[name] for name in set(on_hub) - {"dataset.toml"})
        assert 0 < len(server.sent) < len(on_hub)


def test_a_refused_user_learns_how_to_log_in(build_copy: Path) -> None:
    with hub() as server:
        refused = publish(server, build_copy, token="wrong")
        assert refused.returncode == 1
        assert "hf auth login" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert server.repos == {}
