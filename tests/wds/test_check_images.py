"""The check of a shard says what is wrong with an image, in the same words at every run."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from treeoflife.core import tar_writer
from treeoflife.shards.check import CheckTask, Finding, check_shard
from treeoflife.testing.world import draw_picture, encode_image

WHOLE = encode_image(draw_picture(random.Random(1), (224, 224)))
END = b"\xff\xd9"


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (224, 224)).save(out, "PNG")
    return out.getvalue()


FAULTY = {
    "half, with an end marker": (WHOLE[: len(WHOLE) // 2] + END, "stops too early"),
    "half, with a trailer": (WHOLE[: len(WHOLE) // 2] + WHOLE, "stops too early"),
    "half": (WHOLE[: len(WHOLE) // 2], "stops before its end marker"),
    "text": (b"<html>", "no JPEG: it begins with b'<html>'"),
    "another format": (_png(), "no JPEG: it begins with b'\\x89PNG"),
    "nothing": (b"", "no JPEG"),
    "a bad header": (WHOLE[:3] + b"\xda" + bytes(40), ""),
}


def _image_faults(folder: Path, image: bytes) -> list[Finding]:
    shard = folder / "shard-000000.tar"
    members = b"".join(tar_writer.encode_member(name, data) for name, data in [("a.jpg", image)])
    shard.write_bytes(members + tar_writer.end_marker(len(members)))
    findings = check_shard(CheckTask(shard, "train", (224, 224)), lambda _: None).findings
    return [finding for finding in findings if finding.kind == "bad-image"]


@pytest.mark.parametrize("what", FAULTY)
def test_a_faulty_image_is_named_in_the_same_words_at_every_run(tmp_path: Path, what: str) -> None:
    """Without an address in memory."""
    image, words = FAULTY[what]
    found = _image_faults(tmp_path, image)
    kept = [object() for _ in range(100)]  # so that the next objects lie elsewhere
    assert found == _image_faults(tmp_path, image)
    assert len(found) == 1, kept
    assert words in found[0].detail
    assert " at 0x" not in found[0].detail


def test_a_whole_image_with_something_behind_it_is_sound(tmp_path: Path) -> None:
    assert not _image_faults(tmp_path, WHOLE + bytes(500))
