"""Any file becomes a small RGB JPEG or a reason why not, in bounded memory; never an exception."""

from __future__ import annotations

import io
import json
import math
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from helpers import shared_world
from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.convert import FORMATS, Encoded, convert, shrink
from treeoflife.images.unopened import format_of
from treeoflife.testing.world import unusual_files

MEMORY = 300_000_000
POOL = """
import json, sys
from pathlib import Path
from treeoflife.config.tables import Images
from treeoflife.images.convert import convert
files = [path for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file()]
results = {path.name: type(convert(path.read_bytes(), Images())).__name__ for path in files}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([results, int(peak) * 1024]))
"""


@pytest.mark.parametrize(
    ("kind", "data"), list(unusual_files(random.Random(1))), ids=lambda value: value if isinstance(value, str) else ""
)
def test_awkward_files_become_images_and_broken_ones_skips(kind: str, data: bytes) -> None:
    """The name of the kind says which are broken."""
    result = convert(data, Images())
    assert isinstance(result, Skip) == kind.startswith("bad"), result
    if isinstance(result, Encoded):
        with Image.open(io.BytesIO(result.data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))
    else:
        assert result.reason
        assert result.detail


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_pool_of_awkward_files_is_converted_in_bounded_memory(shared: Path) -> None:
    """In one process, whose peak stays below 300 MB."""
    done = subprocess.run(
        [sys.executable, "-c", POOL, shared / "pool/awkward"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results, peak = json.loads(done.stdout.splitlines()[-1])
    assert len(results) > 100
    assert set(results.values()) == {"Encoded", "Skip"}
    assert peak < MEMORY


def test_the_defaults_are_close_to_a_full_decode() -> None:
    """At least 48 dB, before encoding, on every photograph; most are the same to the pixel."""
    world = shared_world()
    if not world:
        pytest.skip("there are no photographs")
    photos = sorted(path for path in (world / "pool" / "photos").rglob("*") if path.is_file())[::3]
    ratios = [_decibels(path, Images(), Images(draft=0)) for path in photos]
    assert min(ratios) >= 48
    assert sum(ratio == math.inf for ratio in ratios) > len(ratios) / 3


def _decibels(path: Path, *settings: Images) -> float:
    """The peak signal-to-noise ratio between the results of two settings for an image."""
    small = [shrink(Image.open(path), each) for each in settings]
    a, b = (np.asarray(picture, dtype=np.float64) for picture in small)
    error = float(np.mean((a - b) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def test_memory_is_judged_before_pixels_are_decoded() -> None:
    """Pillow decodes a PNG to look for EXIF behind its pixels; these have none, only a header that declares 400 MB."""
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    data = out.getvalue()[:12] + header + struct.pack(">I", zlib.crc32(header)) + out.getvalue()[33:]
    result = convert(data, Images())
    assert isinstance(result, Skip)
    assert result.reason == "too-much-memory"


def _saved(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(out, kind, **options)
    return out.getvalue()


def _half(kind: str, **options: Any) -> bytes:
    data = _saved(kind, **options)
    return data[: len(data) // 2]


def _without_height() -> bytes:
    data = _saved("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + bytes(2) + data[at + 2 : -2] + b"\xff\xdc\0\4" + data[at : at + 2] + b"\xff\xd9"


UNOPENED: dict[str, tuple[Callable[[], bytes], str]] = {
    "half of a TIFF with its directory at the end": (lambda: _half("TIFF", compression="tiff_lzw"), "truncated"),
    "a TIFF whose directory is zeros": (
        lambda: (half := _half("TIFF", compression="tiff_lzw")) + bytes(len(half) + 1),
        "broken",
    ),
    "a PNG whose header has a wrong checksum": (lambda: _saved("PNG")[:29] + b"none" + _saved("PNG")[33:], "broken"),
    "a JPEG of which only EXIF is left": (lambda: b"\xff\xd8\xff\xe1\0\x0aExif\0\0MM\xff\xd9", "broken"),
    "a JPEG that names its height behind the picture": (_without_height, "broken"),
    "the beginning of a GIF": (lambda: b"GIF89a", "broken"),
    "a web page": (lambda: b"<html>404</html>", "not-an-image"),
}


@pytest.mark.parametrize("what", UNOPENED)
def test_a_damaged_image_is_not_said_to_be_none(what: str) -> None:
    """It begins as an image; where it says of itself that it goes on, it is truncated."""
    data, reason = UNOPENED[what]
    result = convert(data(), Images())
    assert isinstance(result, Skip)
    assert (result.reason, bool(result.detail)) == (reason, True), result


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_half_of_an_avif_is_truncated() -> None:
    """Its last box goes beyond its end."""
    result = convert(_half("AVIF"), Images())
    assert isinstance(result, Skip)
    assert result.reason == "truncated"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_is_told_by_its_first_bytes(kind: str) -> None:
    """What the decoder reads is called no image by nobody, whether it can be opened or not."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, kind)
    start = out.getvalue()[:16]
    assert str(format_of(start)).replace(" ", "").upper() == kind
    assert format_of(b"x" + start) is None
