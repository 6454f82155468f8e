"""A JPEG whose scan stops early is no sample, whatever follows it; a whole one is, whatever follows it."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from helpers import shared_world
from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.jpeg import load_jpeg
from treeoflife.testing.world import draw_picture

END = b"\xff\xd9"
VIDEO = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + random.Random(7).randbytes(4000)
# Pillow writes no arithmetic coding: gray, 64 by 64 pixels, made by jpegtran -arithmetic.
ARITHMETIC = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5a"
    "YVpQYEpRUk//yQALCABAAEABAREA/8wABgAQEAX/2gAIAQEAAD8A0ohiPkOF8rpk/Q6uFDHWoMa9WTYZwmRrdbWbAMbZDVlQCzvz4r8Etn0R"
    "lbs+J3Oh1kZm9Z+8alvO3vbF4OgAbmgLTK25HnreEnGESqZGz1K1uUspSjhvUzj6OIQpiY52o3djKqSGBRnRq1O1uDxKowgriW8ttVirVO8d"
    "8asMlHJKPHdBL5s5SOaV51oZ769becXByZ1RF2qSbwhmyvHDHzPKCr6VuVmZk0zPMp7EKUSk7vCrnF7WiSHcgP/Z"
)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline 4:2:0": ("RGB", {}),
    "baseline 4:4:4": ("RGB", {"subsampling": 0, "quality": 95}),
    "own code tables": ("RGB", {"optimize": True}),
    "gray": ("L", {}),
    "inks": ("CMYK", {}),
    "progressive": ("RGB", {"progressive": True}),
    "progressive gray": ("L", {"progressive": True}),
    "an interval for each row": ("RGB", {"restart_marker_rows": 1}),
    "intervals of three blocks": ("RGB", {"restart_marker_blocks": 3}),
    "progressive with intervals": ("RGB", {"progressive": True, "restart_marker_rows": 2}),
}


@cache
def picture(kind: str) -> bytes:
    """A JPEG of this kind: a photograph's texture above, and plain white in the last third."""
    mode, options = KINDS[kind]
    rng, out = random.Random(kind), io.BytesIO()
    image = draw_picture(rng, (330, 300))
    # Pillow's own noise is another in each process, and damage is seen in most pictures, not in each.
    noise = bytes(min(max(round(rng.gauss(128, 40)), 0), 255) for _ in range(image.width * image.height))
    image = Image.blend(image, Image.frombytes("L", image.size, noise).convert("RGB"), 0.3)
    image.paste("white", (0, 200, *image.size))
    image.convert(mode).save(out, "JPEG", **({"quality": 80} | options))
    return out.getvalue()


def cuts(data: bytes) -> list[int]:
    """Places in a JPEG's scans where something is cut; the last is well before the end."""
    first = data.index(b"\xff\xda") + 20
    return [first + (len(data) - 60 - first) * part // 12 for part in range(13)]


TAILS: dict[str, Callable[[bytes, int], bytes]] = {
    "end marker": lambda data, cut: data[:cut] + END,
    "zeros and end marker": lambda data, cut: data[:cut] + bytes(len(data) - cut) + END,
    "padding and end marker": lambda data, cut: data[:cut] + b"\xff" * (len(data) - cut) + END,
    "second JPEG": lambda data, cut: data[:cut] + picture("gray"),
    "video": lambda data, cut: data[:cut] + VIDEO + END,
    "nothing": lambda data, cut: data[:cut],
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_that_stops_early_is_truncated_whatever_follows(kind: str, tail: str) -> None:
    """At every place of every kind; the last cut loses 60 bytes of plain white."""
    data = picture(kind)
    # Zeros are the codes of plain white in a file with its own tables, so nothing is lost where white was zeroed.
    places = cuts(data)[:8] if tail.startswith("zeros") else cuts(data)
    for cut in places:
        result = convert(TAILS[tail](data, cut), Images())
        assert isinstance(result, Skip), (cut, len(data))
        assert result.reason == "truncated", (cut, result)


@pytest.mark.parametrize("scale", [1, 2, 8])
@pytest.mark.parametrize(
    "trailer", [b"", bytes(5000), b"\xff" * 99, VIDEO, picture("gray"), VIDEO + END, b"\xff\xdaab"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_gives_the_pixels_that_pillow_gives_whatever_follows(
    kind: str, trailer: bytes, scale: int
) -> None:
    """At full size and in draft mode."""
    data = picture(kind)
    ours, pillows = (_opened(each, scale) for each in (data + trailer, data))
    assert load_jpeg(ours) is None
    assert ours.tobytes() == pillows.tobytes()
    assert isinstance(convert(data + trailer, Images()), Encoded)


def _opened(data: bytes, scale: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft(None, (image.width // scale, image.height // scale))
    return image


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_between_the_picture_and_its_end_marker_are_padding(kind: str) -> None:
    """As cameras write that reserve space."""
    data = picture(kind)
    assert isinstance(convert(data[:-2] + bytes(300) + END, Images()), Encoded)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "interval" in kind])
@pytest.mark.parametrize("lost", [1, 2, 8])
def test_lost_intervals_between_restart_markers_are_missed(kind: str, lost: int) -> None:
    """Eight of them leave the numbers of the markers in order."""
    data = picture(kind)
    restarts = [
        at for at in range(data.index(b"\xff\xda"), len(data)) if data[at] == 0xFF and 0xD0 <= data[at + 1] < 0xD8
    ]
    for first in (0, len(restarts) // 3, len(restarts) - 1 - lost):
        result = convert(data[: restarts[first]] + data[restarts[first + lost] :], Images())
        assert isinstance(result, Skip), first
        assert result.reason == "truncated"


def test_the_end_of_an_interval_that_is_lost_is_missed() -> None:
    """Its restart markers are all there, and so is the rest of the picture."""
    data = picture("an interval for each row")
    restart = data.index(b"\xff\xd4")
    result = convert(data[: restart - 40] + data[restart:], Images())
    assert isinstance(result, Skip)
    assert result.reason == "truncated"


def test_a_middle_that_is_cut_out_is_missed() -> None:
    """What follows is decoded into garbage, of which there is too little."""
    for kind in ("baseline 4:2:0", "baseline 4:4:4", "gray"):
        data = picture(kind)
        start = data.index(b"\xff\xda") + 20
        result = convert(data[: start + (len(data) - start) // 3] + data[start + (len(data) - start) // 2 :], Images())
        assert isinstance(result, Skip), kind
        assert result.reason == "truncated"


def test_a_hole_of_zeros_is_missed() -> None:
    """Blocks of a disk that were never written; here with code tables in which zeros are many empty blocks."""
    for kind in ("baseline 4:2:0", "own code tables", "progressive"):
        data = picture(kind)
        start = data.index(b"\xff\xda") + 1000
        result = convert(data[:start] + bytes(1000) + data[start + 1000 :], Images())
        assert isinstance(result, Skip), kind
        assert result.reason == "truncated"


def test_a_progressive_file_without_its_last_scans_is_truncated() -> None:
    """Cut between two scans, no scan is short."""
    data = picture("progressive")
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    for scan in scans[1:]:
        tables = data.rindex(b"\xff\xc4", 0, scan)  # the code tables before it
        result = convert(data[:tables] + END, Images())
        assert isinstance(result, Skip)
        assert result.reason == "truncated"


def test_arithmetic_coding_is_judged_too() -> None:
    """Its decoder cannot wait for data, and its encoder leaves zeros at the end out."""
    ours, pillows = _opened(ARITHMETIC + VIDEO, 1), _opened(ARITHMETIC, 1)
    assert load_jpeg(ours) is None
    assert ours.tobytes() == pillows.tobytes()
    start = ARITHMETIC.index(b"\xff\xda") + 12
    for tail in (END, bytes(200) + END):
        cut = load_jpeg(_opened(ARITHMETIC[: start + (len(ARITHMETIC) - start) // 3] + tail, 1))
        assert cut is not None
        assert cut.reason == "truncated"


def test_no_whole_photograph_is_lost_and_each_that_is_cut_is_found() -> None:
    """On real files, of many cameras and programs."""
    if not (world := shared_world()):
        pytest.skip("there are no photographs")
    chance = random.Random(5)
    for path in sorted((world / "pool/photos").iterdir())[::7]:
        _check_photograph(path, chance)


def _check_photograph(path: Path, chance: random.Random) -> None:
    data = path.read_bytes()
    image, pillows = _opened(data, 8), _opened(data, 8)
    if image.format not in ("JPEG", "MPO"):
        return
    assert load_jpeg(image) is None, path
    assert image.tobytes() == pillows.tobytes(), path
    start = data.rindex(b"\xff\xda") + 20
    cut = load_jpeg(_opened(data[: chance.randrange(start, len(data) - 400)] + END, 8))
    assert cut is not None, path


def test_zeros_in_metadata_are_no_zeros_in_the_picture() -> None:
    """As cameras leave them in EXIF; with other bytes between the picture and its end marker it is still whole."""
    for kind in KINDS:
        data = picture(kind)
        comment = b"\xff\xfe" + (502).to_bytes(2) + bytes(500)
        padded = data[:2] + comment + data[2:-2] + b"padding!" * 20 + END
        assert load_jpeg(_opened(padded, 1)) is None, kind
