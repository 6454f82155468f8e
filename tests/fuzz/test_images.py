"""The image step, on files that are damaged in all ways: each becomes a whole image or a Skip."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from PIL import Image

from helpers import shared_world
from tally import Tally
from treeoflife.config.tables import Images
from treeoflife.images.convert import Encoded
from treeoflife.images.guard import DecoderProcess
from treeoflife.images.jpeg import load_jpeg
from treeoflife.testing.world import draw_picture, encode_image, unusual_files

from .mutate import mutated

_LARGEST_SEED = 60_000
_BESIDE = 200_000_000  # Python and its libraries


def seeds() -> list[bytes]:
    """Files to begin with: drawn ones, in every format, and real ones where there are any."""
    chance = random.Random(4)
    small = draw_picture(chance, (90, 70))
    kinds = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000")
    drawn = [encode_image(small, kind) for kind in kinds] + [encode_image(small, progressive=True, quality=40)]
    drawn += [data for _, data in unusual_files(chance)]
    pool: Path | None = (found := shared_world()) and found / "pool"
    real = [path.read_bytes() for path in sorted(pool.rglob("*")) if path.is_file()] if pool else []
    return drawn + [data for data in real if 0 < len(data) <= _LARGEST_SEED]


def _peak(child: DecoderProcess) -> int:
    """The most memory that the process which decodes had, in MB; 0 where the system does not say, or it is gone."""
    with suppress(OSError, IndexError, AttributeError):
        status = Path(f"/proc/{child._process.pid}/status").read_text()  # type: ignore[union-attr]
        return int(status.split("VmHWM:")[1].split()[0]) // 1000
    return 0


@pytest.fixture
def child() -> Iterator[DecoderProcess]:
    """A decoder in a process of its own, as builds use it where a worker has died."""
    with closing(DecoderProcess(Images())) as one:
        yield one


@pytest.mark.parametrize("count", [400, pytest.param(100_000, marks=pytest.mark.faults)])
def test_any_bytes_become_an_image_or_a_skip(child: DecoderProcess, tally: Tally, count: int) -> None:
    """Never a crash, never an exception, never half an image."""
    chance, pool = random.Random(count), seeds()
    slowest, skipped, ended, most = 0.0, 0, 0, 0
    for _ in range(count):
        data = mutated(chance.choice(pool), chance.choice(pool), chance)
        begun = time.monotonic()
        result = child.decode(data)
        slowest = max(slowest, time.monotonic() - begun)
        skipped += not isinstance(result, Encoded)
        if isinstance(result, Encoded):
            with Image.open(io.BytesIO(result.data)) as image:
                assert load_jpeg(image) is None
                assert (image.size, image.mode, image.format) == ((224, 224), "RGB", "JPEG")
        else:
            assert result.reason
            ended += result.reason in ("crashed", "too-slow", "too-much-memory")
            assert result.reason != "crashed", data.hex()[:2000]
        tally.trials += 1
        most = max(most, _peak(child))
    assert most < (Images().hard_memory + _BESIDE) / 1e6
    tally.note = f"{skipped:,} skipped, {ended} ended; slowest {slowest:.2f} s, largest child {most} MB"
