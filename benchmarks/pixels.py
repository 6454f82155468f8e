"""What each choice that changes pixels costs and does: docs/images.md is made of this.

    python benchmarks/pixels.py PHOTOS        # a folder of photographs, such as ../shared/world/pool/photos

For every choice: the time an image takes, as a ratio to the defaults in the same run; kilobytes of the JPEG; and how
far the small picture is from that of a full decode, before it is encoded and after: PSNR in dB, and SSIM of the luma.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from treeoflife.config.tables import Images
from treeoflife.images.convert import Encoded, convert, shrink

Pixels = np.ndarray[Any, np.dtype[np.float64]]
CHOICES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "resampler = simd": {"resampler": "simd"},
    "draft = 0 (full decode)": {"draft": 0},
    "draft = 1": {"draft": 1},
    "draft = 4": {"draft": 4},
    "quality = 95": {"quality": 95},
    "quality = 90": {"quality": 90},
    "quality = 75": {"quality": 75},
    "subsampling = 4:4:4": {"subsampling": "4:4:4"},
    "subsampling = 4:2:2": {"subsampling": "4:2:2"},
    "filter = lanczos": {"filter": "lanczos"},
    "filter = bilinear": {"filter": "bilinear"},
    "filter = box": {"filter": "box"},
    "fit = crop": {"fit": "crop"},
    "fit = pad": {"fit": "pad"},
}


@dataclass(frozen=True)
class Result:
    """What one choice did to one photograph."""

    milliseconds: float
    kilobytes: float
    decoded: float
    encoded: float
    ssim: float


def main() -> None:
    """Measure, and print a table in Markdown."""
    files = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file()]
    print("| choice | time | kB | dB before encoding, least / median | dB after, median | SSIM after, least / median |")
    print("|---|---|---|---|---|---|")
    base = [milliseconds(data, Images()) for data in files]
    for name, changes in CHOICES.items():
        settings = Images(**changes)
        results = [measure(data, settings) for data in files]
        ratio = statistics.median(one.milliseconds / before for one, before in zip(results, base, strict=True))
        before = sorted(one.decoded for one in results)
        ssim = sorted(one.ssim for one in results)
        print(
            f"| {name} | {ratio:.2f} | {statistics.mean(one.kilobytes for one in results):.1f} "
            f"| {decibels(before[0])} / {decibels(statistics.median(before))} "
            f"| {decibels(statistics.median(one.encoded for one in results))} "
            f"| {ssim[0]:.4f} / {statistics.median(ssim):.4f} |",
            flush=True,
        )


def measure(data: bytes, settings: Images) -> Result:
    """One choice on one photograph, against a full decode with the bicubic filter of Pillow and the same fit."""
    reference = small(data, settings.model_copy(update={"draft": 0, "filter": "bicubic", "resampler": "pillow"}))
    made = convert(data, settings)
    assert isinstance(made, Encoded), made
    after = pixels(Image.open(io.BytesIO(made.data)))
    return Result(
        milliseconds(data, settings),
        len(made.data) / 1000,
        psnr(small(data, settings), reference),
        psnr(after, reference),
        ssim(after.mean(axis=2), reference.mean(axis=2)),
    )


def milliseconds(data: bytes, settings: Images) -> float:
    """The least of three times."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        convert(data, settings)
        taken.append(time.perf_counter() - begun)
    return 1000 * min(taken)


def small(data: bytes, settings: Images) -> Pixels:
    """The small picture before it is encoded."""
    made = shrink(Image.open(io.BytesIO(data)), settings)
    assert isinstance(made, Image.Image), made
    return pixels(made)


def pixels(image: Image.Image) -> Pixels:
    """As numbers: rows, columns, channels."""
    return np.asarray(image.convert("RGB"), dtype=np.float64)


def psnr(one: Pixels, other: Pixels) -> float:
    """The peak signal-to-noise ratio in dB; infinite for the same pixels."""
    error = float(np.mean((one - other) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def decibels(value: float) -> str:
    """For people."""
    return "same" if value == float("inf") else f"{value:.1f}"


def ssim(one: Pixels, other: Pixels, window: int = 8) -> float:
    """The structural similarity of two gray pictures (Wang and others 2004), over windows of 8 by 8 pixels."""
    (mean, mean_), (square, square_) = _means(one, other, window), _means(one**2, other**2, window)
    product, _ = _means(one * other, one * other, window)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    above = (2 * mean * mean_ + c1) * (2 * (product - mean * mean_) + c2)
    below = (mean**2 + mean_**2 + c1) * (square - mean**2 + square_ - mean_**2 + c2)
    return float(np.mean(above / below))


def _means(one: Pixels, other: Pixels, window: int) -> tuple[Pixels, Pixels]:
    """The mean of every window of both."""

    def mean(plane: Pixels) -> Pixels:
        sums = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        inside = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
        return np.asarray(inside / window**2)

    return mean(one), mean(other)


if __name__ == "__main__":
    main()
