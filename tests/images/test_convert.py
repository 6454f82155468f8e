"""Every awkward file becomes a small RGB JPEG or a reason, in little memory; never an exception."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from treeoflife.config import Images
from treeoflife.images.convert import Encoded, convert
from treeoflife.records import Skip
from treeoflife.testing.world import awkward

MEMORY = 300_000_000
POOL = """
import json, sys
from pathlib import Path
from treeoflife.config import Images
from treeoflife.images.convert import convert
files = [path for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file()]
found = {path.name: type(convert(path.read_bytes(), Images())).__name__ for path in files}
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([found, int(peak) * 1024]))
"""


@pytest.mark.parametrize(
    ("kind", "data"), list(awkward(random.Random(1))), ids=lambda one: one if isinstance(one, str) else ""
)
def test_awkward_files_become_images_and_broken_ones_skips(kind: str, data: bytes) -> None:
    """By their kind."""
    found = convert(data, Images())
    assert isinstance(found, Skip) == kind.startswith("bad"), found
    if isinstance(found, Encoded):
        with Image.open(io.BytesIO(found.data)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224))
    else:
        assert found.reason
        assert found.detail


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_pool_of_awkward_files_in_bounded_memory(shared: Path) -> None:
    """In one process, whose peak stays below 300 MB."""
    done = subprocess.run(
        [sys.executable, "-c", POOL, shared / "pool/awkward"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found, peak = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 100
    assert set(found.values()) == {"Encoded", "Skip"}
    assert peak < MEMORY
