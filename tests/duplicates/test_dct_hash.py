"""DCT hashes: near for copies in any orientation, far for other pictures, none for plain ones."""

import io

import numpy as np
import pytest
from PIL import Image
from planted import picture

from treeoflife.images.dct_hash import dct_hashes, orient, stack_hashes


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.resize((224, 224), Image.Resampling.BICUBIC).save(out, "JPEG", quality=100)
    return out.getvalue()


def _hashes(image: Image.Image) -> np.ndarray:
    made = dct_hashes(_jpeg(image))
    assert made is not None
    return stack_hashes([made])[0]


def _nearest(first: Image.Image, second: Image.Image) -> int:
    """The smallest distance over orientations and crops."""
    a, b = _hashes(first), _hashes(second)
    turned = [orient(b, orientation) for orientation in range(8)]
    pairs = [(a[0], other[crop]) for other in turned for crop in range(3)]
    pairs += [(a[crop], other[0]) for other in turned for crop in range(3)]
    return min(int(np.bitwise_count(one ^ other).sum()) for one, other in pairs)


@pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name)
def test_a_picture_in_another_orientation_is_near(turn: Image.Transpose) -> None:
    assert all(_nearest(picture(seed), picture(seed).transpose(turn)) <= 16 for seed in range(4))


def test_a_crop_of_5_percent_is_near() -> None:
    near = [_nearest(picture(seed), picture(seed).crop((12, 9, 468, 351))) <= 40 for seed in range(8)]
    assert all(near)


def test_other_pictures_are_far() -> None:
    distances = [_nearest(picture(one), picture(other)) for one in range(6) for other in range(one)]
    assert min(distances) > 40


def test_a_plain_picture_has_no_hashes() -> None:
    assert dct_hashes(_jpeg(Image.new("RGB", (300, 200), "white"))) is None
