"""What many tests need: the command line in a process of its own, tars to read and damage, the shared world."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from treeoflife.shards.captions import TEXTS

ROOT = Path(__file__).resolve().parents[1]
OWN = (".known", ".lock", ".state", ".view")
MEMBERS = {"jpg", *TEXTS}
"""What every sample has."""
SMALL_SHARDS = 25
"""Samples of a shard, so that a few hundred samples are many shards."""


def seldom(*values: object) -> list[Any]:
    """Values of a parameter for which a test runs with the long tests alone; those beside them are enough for CI."""
    several = (value if isinstance(value, tuple) else (value,) for value in values)
    return [pytest.param(*one, marks=pytest.mark.slow) for one in several]


def shared_world() -> Path | None:
    """The folder with real photographs and the original scripts' output, where there is one."""
    path = Path(os.environ.get("TREEOFLIFE_WORLD") or ROOT.parent / "shared" / "world")
    return path if (path / "make_world.py").is_file() else None


def command(*words: str | Path) -> list[str]:
    """The command line, by the interpreter of the tests."""
    return [sys.executable, "-c", "from treeoflife.cli import main; main()", *map(str, words)]


def cli(*words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    env = os.environ | variables
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, env=env)


def built(config: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``build``; it must succeed."""
    done = cli("build", "--config", config, "--workers", "2", *words, **variables)
    assert done.returncode == 0, done.stderr
    return done


def configured(out: Path, kind: str, raw: Path, **changes: object) -> Path:
    """A dataset.toml made by ``init``, with other values for some keys; returns its path."""
    done = cli("init", kind, "--raw", raw, "--out", out)
    assert done.returncode == 0, done.stderr
    path = out / "dataset.toml"
    text = path.read_text()
    for key, value in changes.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {shown}", text)
        assert count == 1, f"{key} occurs {count} times"
    path.write_text(text)
    return path


def sentence(done: subprocess.CompletedProcess[str], *words: str) -> str:
    """Standard error of a command that failed with a sentence that has these words."""
    assert done.returncode in (1, 2), (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    for word in words:
        assert word in done.stderr, done.stderr
    return done.stderr


def digests(out: Path) -> dict[str, str]:
    """The SHA-256 of every file of a dataset, without logs and the files that speak of the run itself."""
    found = {}
    for path in sorted(out.rglob("*")):
        parts = path.relative_to(out).parts
        if parts[0].startswith(OWN) or "logs" in parts or not path.is_file():
            continue
        with suppress(FileNotFoundError):  # a build may be at work, and its temporary files go
            found[path.relative_to(out).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def shards(out: Path, split: str = "*") -> list[Path]:
    """The shards of a dataset."""
    return sorted(out.glob(f"*x*/{split}/shard-*.tar"))


def samples(paths: Iterable[Path]) -> dict[str, dict[str, bytes]]:
    """The samples in shards, by Python's own tar reader; those of train_small are in train too, as they are there."""
    found: dict[str, dict[str, bytes]] = {}
    for path in paths:
        with tarfile.open(path) as tar:
            for info in tar:
                key, _, name = info.name.partition(".")
                member = tar.extractfile(info)
                assert member
                data = member.read()
                assert found.setdefault(key, {}).setdefault(name, data) == data, info.name
    return found


def without_known_wrongs(texts: dict[str, str]) -> dict[str, str]:
    """The texts of a sample of the original scripts, with their known wrongs put right.

    * A sample without genus and epithet had no name in two captions: "a photo of ." Its lowest rank stands there now.
    * A caption ended in two dots where the name itself ends in one: "a photo of Aedes sp.."
    """
    right = dict(texts)
    if not texts["scientific_name.txt"]:
        lowest = texts["taxonomic_name.txt"].rpartition(" ")[2]
        right["sci.txt"] = f"a photo of {lowest}."
        right["sci_com.txt"] = f"a photo of {lowest} with common name {texts['common_name.txt']}."
    return {name: f"{text[:-1]}" if text.endswith("..") else text for name, text in right.items()}


def tar_of(files: Iterable[tuple[str, bytes]], format_: int = tarfile.USTAR_FORMAT) -> bytes:
    """A tar of these files, by Python's own writer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def retar(path: Path, change: Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]) -> None:
    """Write a tar anew with other members."""
    with tarfile.open(path) as tar:
        files = [(info.name, member.read()) for info in tar if (member := tar.extractfile(info))]
    path.write_bytes(tar_of(change(files)))


@contextmanager
def small_disk(folder: Path, size: str = "1g") -> Iterator[Path]:
    """A file system in memory; the test is skipped where it cannot be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this computer does not let us mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
