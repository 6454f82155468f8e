"""The locale changes no byte of a dataset, and no name is too much for a terminal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import cli, command, configured, digests
from treeoflife.testing.world import draw_world

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
LATIN_1 = {"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photographs whose files and species have letters that ASCII lacks."""
    world = draw_world(tmp_path / "world", images=20)
    folder = tmp_path / "Vögel"
    folder.mkdir()
    rows = ["file,scientific_name,common_name"]
    for name, picture in zip(("Grün.jpg", "鳥.jpg"), sorted((world.root / "dataset").rglob("*.jpg")), strict=False):
        shutil.copy(picture, folder / name)
        rows.append(f"{name},Parus major,Kohlmeise (Körner)")
    (folder / "birds.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("variables", [ASCII, LATIN_1], ids=["ascii", "latin1"])
def test_a_dataset_has_the_same_bytes_in_every_locale(photos: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    """Also what its messages and status print is no error, and JSON stays JSON."""
    for name, some in (("here", {}), ("there", variables)):
        config = tmp_path / name / "dataset.toml"
        done = cli("init", "folder", "--raw", photos, "--out", config.parent, **some)
        assert done.returncode == 0, done.stderr
        for words in (("build",), ("status", "--json"), ("names", "why", "Parus major")):
            done = cli(*words, "--config", config, **some)
            assert done.returncode == 0, done.stderr
            assert "Unicode" not in done.stderr
            if "--json" in words:
                assert json.loads(done.stdout)["encode"]["fresh"]
    assert digests(tmp_path / "here") == digests(tmp_path / "there")


def test_what_a_terminal_cannot_show_is_printed_as_an_escape(photos: Path, tmp_path: Path) -> None:
    """Of a message, too."""
    (photos / "Grün.jpg").unlink()
    config = configured(tmp_path / "Größe", "folder", photos)
    for words in (("build", "--config", config), ("build", "--config", tmp_path / "nirgendwö")):
        env = os.environ | ASCII
        done = subprocess.run(command(*words), capture_output=True, check=False, env=env)
        assert b"Traceback" not in done.stderr
        assert b"\\x" in done.stdout + done.stderr
        (done.stdout + done.stderr).decode("ascii")


def test_python_is_started_anew_once_at_most() -> None:
    """Even if the interpreter is told to use the locale."""
    code = "from treeoflife.cli import main; main()"
    words = [sys.executable, "-X", "utf8=0", "-c", code, "--version"]
    done = subprocess.run(words, capture_output=True, check=False, env=os.environ | ASCII, timeout=60)
    assert done.returncode == 0, done.stderr
