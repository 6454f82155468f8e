"""Comparing pictures: a copy is the same picture, and a scene with another thing in it is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from treeoflife.errors import StoreError
from treeoflife.selection.duplicates.compare import (
    CompareTask,
    align,
    brightness_of,
    compare,
    load_picture,
    same_picture,
)

SIDE = 448


def scene(seed: int, contrast: float = 60) -> Image.Image:
    """Soft ground with shapes on it."""
    rng = np.random.default_rng(seed)
    small = rng.normal(128, contrast / 2, (9, 9, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top, width, height = (int(one) for one in rng.integers(10, SIDE - 90, 4))
        colour = tuple(int(one) for one in rng.integers(0, 255, 3))
        draw.ellipse((left, top, left + 10 + width // 5, top + 10 + height // 5), fill=colour)
    return image


def encoded(image: Image.Image, quality: int = 90) -> np.ndarray:
    """As the store has it, and as it is compared: 112 by 112 values."""
    out = io.BytesIO()
    image.resize((224, 224), Image.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return load_picture(out.getvalue())


def saved(image: Image.Image) -> Image.Image:
    """Re-encoded at a low quality."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40)
    return Image.open(io.BytesIO(out.getvalue()))


def with_a_thing(image: Image.Image, side: int, seed: int) -> Image.Image:
    """The scene with a dark or bright ellipse of this width somewhere in it."""
    rng = np.random.default_rng(seed)
    left, top = (int(one) for one in rng.integers(20, SIDE - side - 20, 2))
    changed = image.copy()
    box = (left, top, left + side, top + side * 2 // 3)
    ground = changed.crop(box).convert("L")
    dark = float(np.asarray(ground).mean()) > 110
    ImageDraw.Draw(changed).ellipse(box, fill=(25, 20, 15) if dark else (230, 225, 220))
    return changed


def written_over(image: Image.Image) -> Image.Image:
    """With a half-transparent line of text across."""
    layer = Image.new("RGBA", image.size)
    font = ImageFont.load_default(SIDE // 12)
    ImageDraw.Draw(layer).text((SIDE * 0.1, SIDE * 0.8), "(c) Natural History Archive", (255, 255, 255, 150), font)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "encoded again": saved,
    "resized": lambda image: image.resize((150, 130)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.12),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.85),
    "paler": lambda image: ImageEnhance.Color(image).enhance(0.6),
    "written over": written_over,
    "cropped by 2 %": lambda image: image.crop((3, 5, SIDE - 6, SIDE - 4)),
}


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_copy_is_the_same_picture(copy: str, seed: int) -> None:
    """Either way round."""
    one, other = encoded(scene(seed)), encoded(COPIES[copy](scene(seed)))
    assert same_picture(one, other)
    assert same_picture(other, one)


@pytest.mark.parametrize("seed", range(4))
def test_a_mirrored_copy_is_the_same_once_it_is_mirrored_back(seed: int) -> None:
    """The search for near hashes reports which pairs are mirrored."""
    one, other = encoded(scene(seed)), encoded(ImageOps.mirror(scene(seed)))
    assert same_picture(one, other[:, ::-1])
    assert not same_picture(one, other)


@pytest.mark.parametrize("side", [36, 60, 120])
@pytest.mark.parametrize("seed", range(4))
def test_a_scene_with_another_thing_in_it_is_another_picture(side: int, seed: int) -> None:
    """Such as an insect in a dish, or a bird in front of a hedge: a twelfth to a quarter of the side."""
    assert not same_picture(encoded(scene(seed)), encoded(saved(with_a_thing(scene(seed), side, seed))))


@pytest.mark.parametrize("side", [18, 24, 36])
@pytest.mark.parametrize("seed", range(4))
def test_plain_ground_with_a_small_thing_elsewhere_is_another_picture(side: int, seed: int) -> None:
    """Two frames of one camera: a small thing on otherwise plain ground."""
    ground = Image.new("RGB", (SIDE, SIDE), (190, 185, 170))
    frames = [encoded(with_a_thing(ground, side, 10 * seed + number)) for number in range(2)]
    assert not same_picture(*frames)


@pytest.mark.parametrize("seed", range(4))
def test_writing_does_not_hide_another_thing(seed: int) -> None:
    """There is another thing above the line of text."""
    changed = scene(seed)
    ImageDraw.Draw(changed).ellipse((150, 100, 210, 150), fill=(20, 20, 20))
    assert not same_picture(encoded(scene(seed)), encoded(written_over(changed)))


@pytest.mark.parametrize("seed", range(4))
def test_strokes_that_are_lighter_and_darker_in_turn_are_not_writing(seed: int) -> None:
    """Such as blades of grass that the wind has moved: a watermark is lighter throughout, or darker."""
    ground = Image.new("RGB", (SIDE, SIDE), (128, 128, 128))
    draw, rng = ImageDraw.Draw(changed := ground.copy()), np.random.default_rng(seed)
    for number, left in enumerate(range(40, SIDE - 40, 16)):
        top = 200 + int(rng.integers(0, 4))
        draw.rectangle((left, top, left + 7, top + 20), fill=((190,) * 3, (66,) * 3)[number % 2])
    assert not same_picture(encoded(ground), encoded(changed))


def test_a_shifted_and_stretched_picture_is_laid_over_the_other() -> None:
    """The window has the shift and scale; unrelated pictures have none, or one that does not make them match."""
    one, other = scene(1), scene(1).crop((9, 0, SIDE - 9, SIDE))
    window = align(brightness_of(encoded(one)), brightness_of(encoded(other)))
    assert window is not None
    assert window == pytest.approx([1 - 18 / SIDE, 0, 1, 0], abs=0.01)
    assert not same_picture(encoded(scene(1)), encoded(scene(2)))


def test_a_damaged_image_of_the_store_is_named(tmp_path: Path) -> None:
    """By its tar and where it lies, in the same words at every run."""
    tar = tmp_path / "one.tar"
    tar.write_bytes(b"x" * 600 + b"no picture")
    task = CompareTask(((tar, 600, 10),), ((0, 0, False),))
    with pytest.raises(StoreError, match=rf"{tar} is damaged at byte 600: delete it") as raised:
        compare(task, lambda _: None)
    assert " at 0x" not in str(raised.value)
