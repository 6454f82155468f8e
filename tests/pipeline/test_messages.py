"""A message says what is the case: why nothing can be made, what is kept, which file; and nothing is drawn over it."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers import built, cli, command, configured, sentence
from treeoflife.testing.world import World, draw_world


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a few photographs and a table."""
    world = draw_world(tmp_path / "world", images=20)
    folder = tmp_path / "photos"
    folder.mkdir()
    rows = ["file,scientific_name"]
    for number, picture in enumerate(sorted((world.root / "dataset").rglob("*.jpg"))[:3]):
        shutil.copy(picture, folder / f"{number}.jpg")
        rows.append(f"{number}.jpg,Parus major")
    (folder / "birds.csv").write_text("\n".join(rows) + "\n")
    return folder


def _all_broken(photos: Path, out: Path) -> None:
    for path in photos.glob("*.jpg"):
        path.write_bytes(b"no image")


def _all_held_out(photos: Path, out: Path) -> None:
    (out / "list.txt").write_text("Parus major\n")
    with (out / "dataset.toml").open("a") as file:
        file.write('\n[[holdout]]\npath = "list.txt"\n')


@pytest.mark.parametrize("spoil", [_all_broken, _all_held_out])
@pytest.mark.parametrize("before", [False, True], ids=["at first", "later"])
def test_that_no_image_becomes_a_sample_is_said_with_the_reasons(
    photos: Path, tmp_path: Path, spoil: Callable[[Path, Path], None], *, before: bool
) -> None:
    """By ``build`` and ``wds``, each time, and also in a dataset that had samples; the ledger has each image."""
    config = configured(tmp_path / "out", "folder", photos)
    if before:
        built(config)
    spoil(photos, config.parent)
    for words in (("build",), ("wds",), ("wds",)):
        said = sentence(cli(*words, "--config", config), "no image becomes a sample", "ledger.parquet")
        assert re.search(r"all are left out \((held-out-species|not-an-image) 3\)", said), said
    assert (config.parent / "ledger" / "ledger.parquet").exists()


@pytest.mark.parametrize("words", [("status",), ("build", "--until", "encode"), ("names", "why", "Parus")])
def test_a_folder_is_taken_for_the_dataset_in_it(photos: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    """As OUT is; one without a dataset.toml is said to have none."""
    config = configured(tmp_path / "out", "folder", photos)
    done = cli(*words, "--config", config.parent)
    assert "Errno" not in done.stderr
    if words[0] != "names":
        assert done.returncode == 0, done.stderr
    (tmp_path / "empty").mkdir()
    said = sentence(cli(*words, "--config", tmp_path / "empty"), "there is no configuration", "empty/dataset.toml")
    assert "Errno" not in said


def test_nothing_is_said_to_be_kept_where_nothing_was_done(photos: Path, tmp_path: Path) -> None:
    """A file in the place of a folder is in the way of the first stage."""
    config = configured(tmp_path / "out", "folder", photos)
    (config.parent / "encoded").write_text("a file")
    said = sentence(cli("build", "--config", config), "encoded")
    assert "is kept" not in said
    (config.parent / "encoded").unlink()
    (config.parent / "metadata").write_text("a file")
    assert "what is done is kept" in sentence(cli("build", "--config", config), "metadata")


def test_ctrl_c_ends_the_bars_before_its_message(drawn_world: World, tmp_path: Path) -> None:
    """Nothing is drawn after it, and the cursor is there again."""
    config = configured(tmp_path / "out", "published", drawn_world.root)
    driver, terminal = pty.openpty()
    process = subprocess.Popen(command("build", "--config", config, "--workers", "1"), stderr=terminal, stdin=terminal)
    os.close(terminal)
    shown = b""
    limit = time.monotonic() + 60
    while b"encode" not in shown and time.monotonic() < limit:
        shown += os.read(driver, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            shown += (more := os.read(driver, 4096))
        except OSError:  # the terminal's other end is closed
            break
        if not more:
            break
    os.close(driver)
    assert process.wait() == 130, shown
    _, found, message = shown.rpartition(b"error: stopped")
    assert found
    assert b"\x1b" not in message, message
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l"), "the cursor is hidden"
