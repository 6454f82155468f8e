"""Pictures are compared with the same bits on every processor, so that the same pictures are in the same groups."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from treeoflife.images import perceptual_hash
from treeoflife.selection.duplicates import exact

# What is computed of drawn pictures: alignment, regression, verdicts, hashes; as a digest.
COMPUTE = """
import hashlib, io
import numpy as np
from PIL import Image
from treeoflife.images.perceptual_hash import pdq_hash
from treeoflife.selection.duplicates import compare
digest = hashlib.sha256()
rng = np.random.default_rng(1)
for number in range(6):
    blots = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    small = blots.resize((224, 224), Image.Resampling.BICUBIC)
    pictures = []
    for image in (small, small.crop((6, 4, 220, 218)).resize((224, 224))):
        image.save(out := io.BytesIO(), "JPEG", quality=90)
        pictures.append(compare.load_picture(out.getvalue()))
        digest.update(pdq_hash(image))
    first, second = pictures
    window = compare.align(compare.brightness_of(first), compare.brightness_of(second))
    digest.update(window.tobytes())
    moved, inside = compare._view(first, window)
    digest.update(compare._residue(first, second, np.ones_like(inside)).tobytes())
    digest.update(compare._residue(moved, second, inside).tobytes())
    digest.update(bytes([compare.same_picture(first, second)]))
print(digest.hexdigest())
"""
KERNELS = ["Prescott", "Haswell", "SkylakeX"] if platform.machine() in ("x86_64", "AMD64") else ["ARMV8", "NEOVERSEN1"]
OLD_PROCESSOR = {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 X86_V3 AVX512F AVX512_SKX X86_V4 ASIMDHP"}


def _computed(environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COMPUTE],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_kernel_of_blas_and_every_processor_computes_the_same_bits() -> None:
    """OpenBLAS has a kernel for each processor, which adds in its own order; NumPy has its own vector instructions."""
    usual = _computed({})
    assert {kernel: _computed({"OPENBLAS_CORETYPE": kernel}) for kernel in KERNELS} == dict.fromkeys(KERNELS, usual)
    assert _computed(OLD_PROCESSOR) == usual


def test_sums_of_products_are_exact_up_to_their_limit() -> None:
    """As fractions, of the largest numbers that may occur."""
    rng = np.random.default_rng(2)
    rows = rng.integers(-830_000, 830_000, (3, 112 * 112)).astype(np.float64)
    correct = [
        [sum(Fraction(a) * Fraction(b) for a, b in zip(one, other, strict=True)) for other in rows] for one in rows
    ]
    assert exact.products(rows, rows).tolist() == correct


def test_equations_are_solved_as_well_as_by_lapack() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        terms = rng.normal(size=(7, 40))
        squares, right = terms @ terms.T + np.eye(7) * 1e-3, rng.normal(size=7)
        assert exact.solve(squares, right) == pytest.approx(np.linalg.solve(squares, right), rel=1e-9)


def test_the_cosines_of_hashes_do_not_depend_on_how_they_are_computed() -> None:
    """None is so near to the middle of two whole numbers that the last bits of a cosine decide."""
    scale = math.sqrt(2 / 64) * 4096
    values = [math.cos(math.pi / 128 * wave * (2 * pixel + 1)) * scale for wave in range(1, 17) for pixel in range(64)]
    assert min(abs(value % 1 - 0.5) for value in values) > 1e-6
    assert perceptual_hash._COSINES.ravel().tolist() == [round(value) for value in values]


def test_no_module_that_decides_by_numbers_sums_them_in_the_order_of_a_blas() -> None:
    """Only the module that keeps sums exact multiplies matrices; the others hold whole numbers (see their comments)."""
    allowed = {"exact.py", "perceptual_hash.py", "measure.py"}
    package = Path(exact.__file__).parents[2]
    for module in package.rglob("*.py"):
        text = module.read_text()
        assert module.name in allowed or " @ " not in text.replace('" @ "', ""), module
        for name in ("np.dot", "np.linalg", "np.matmul", "np.einsum", "np.inner", "np.fft", "np.corrcoef", "np.cov"):
            assert name not in text, (module, name)
