"""Colours are those that the profile of a file says, as sRGB; a profile that says nothing costs nothing."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from helpers import shared_world
from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.colour import transform_to_srgb
from treeoflife.images.convert import Encoded, convert, shrink
from treeoflife.testing.world import draw_picture

# x and y of red, green and blue, adapted to the white of profiles (D50), as X and Z where Y sums to 1.
WIDE = {
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "Display P3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "sRGB's colours": ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)),
}
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile(space: str, tags: dict[str, bytes]) -> bytes:
    """An ICC profile of version 2, of a display, with these tags."""
    tags = {"wtpt": xyz(0.9642, 1.0, 0.8249)} | tags
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", offset + len(body), len(tag))
        body += tag.ljust(-(-len(tag) // 4) * 4, b"\0")
    size = offset + len(body)
    white = struct.pack(">iii", 63190, 65536, 54061)
    header = struct.pack(
        ">I4sI4s4s4s12s4s", size, b"none", 0x02100000, b"mntr", space.encode(), b"XYZ ", bytes(12), b"acsp"
    )
    return header.ljust(68, b"\0") + white + bytes(48) + struct.pack(">I", len(tags)) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def rgb_profile(colours: str, curve: float) -> bytes:
    primaries = dict(zip(("rXYZ", "gXYZ", "bXYZ"), (xyz(*one) for one in WIDE[colours]), strict=True))
    return profile("RGB ", primaries | dict.fromkeys(("rTRC", "gTRC", "bTRC"), gamma(curve)))


def gray_profile(curve: float) -> bytes:
    return profile("GRAY", {"kTRC": gamma(curve)})


PROFILES = {
    "Adobe RGB": rgb_profile("Adobe RGB", 563 / 256),
    "Display P3": rgb_profile("Display P3", 2.2),
    "linear": rgb_profile("sRGB's colours", 1.0),
}


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def pixels(data: bytes, settings: Images | None = None) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        small = shrink(image, settings or Images())
    assert not isinstance(small, Skip)
    return np.asarray(small, dtype=int)


def converted(data: bytes) -> bytes:
    result = convert(data, Images())
    assert isinstance(result, Encoded), result
    return result.data


def expected(colour: tuple[int, ...], icc: bytes, mode: str = "RGB") -> tuple[int, ...]:
    """What LittleCMS makes of one colour."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    one = ImageCms.profileToProfile(
        Image.new(mode, (1, 1), colour if len(colour) > 1 else colour[0]), source, ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    assert one is not None
    return tuple(np.asarray(one)[0, 0].tolist())


def test_a_known_colour_of_adobe_rgb_is_that_of_srgb() -> None:
    """By the standards' formulas: a gray stays, and this green becomes more saturated."""
    image = Image.new("RGB", (300, 300), (120, 160, 110))
    found = pixels(saved(image, icc_profile=PROFILES["Adobe RGB"]))[100, 100]
    linear = (np.array([120, 160, 110]) / 255) ** (563 / 256)
    matrix = [[1.39836, -0.39836, 0.0], [0.0, 1.0, 0.0], [0.0, -0.04293, 1.04293]]
    straight = np.clip(np.array(matrix) @ linear, 0, 1)
    correct = np.where(straight <= 0.0031308, 12.92 * straight, 1.055 * straight ** (1 / 2.4) - 0.055) * 255
    assert np.abs(found - correct).max() <= 2
    assert correct[0] < 110  # a pale green it was not


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 100, "subsampling": 0})],
)
def test_colours_of_a_profile_become_srgb(kind: str, options: dict[str, Any], name: str) -> None:
    """In each format that carries one."""
    colour = (90, 200, 60)
    found = pixels(saved(Image.new("RGB", (300, 300), colour), kind, icc_profile=PROFILES[name], **options))[9, 9]
    correct = expected(colour, PROFILES[name])
    assert np.abs(found - correct).max() <= 2
    assert np.abs(np.array(colour) - correct).max() > 9


@pytest.mark.parametrize("method", [2, 3])
@pytest.mark.parametrize("name", PROFILES)
def test_colours_of_a_jpeg_2000_become_srgb(name: str, method: int) -> None:
    """Its profile is in a box that Pillow does not pass on."""
    colour = (90, 200, 60)
    plain = saved(Image.new("RGB", (300, 300), colour), "JPEG2000")
    with Image.open(io.BytesIO(converted(with_jpeg2000_profile(plain, PROFILES[name], method)))) as image:
        found = np.asarray(image, dtype=int)[9, 9]
    assert np.abs(found - expected(colour, PROFILES[name])).max() <= 4  # JPEG's rounding included


@pytest.mark.parametrize("icc", [b"none", b"no profile", gray_profile(1.0), PROFILES["linear"][:200]])
def test_an_unreadable_profile_of_a_jpeg_2000_costs_nothing(icc: bytes) -> None:
    plain = saved(draw_picture(random.Random(7), (300, 200)), "JPEG2000")
    assert converted(with_jpeg2000_profile(plain, icc)) == converted(plain)


def with_jpeg2000_profile(data: bytes, icc: bytes, method: int = 2) -> bytes:
    """A JPEG 2000 file with a profile in place of the colour space that its header names."""
    start = data.index(b"colr") - 4
    old = int.from_bytes(data[start : start + 4])
    colours = struct.pack(">I4sBBB", 11 + len(icc), b"colr", method, 0, 0) + icc
    header = data.index(b"jp2h") - 4
    size = int.from_bytes(data[header : header + 4]) - old + len(colours)
    return data[:header] + struct.pack(">I", size) + data[header + 4 : start] + colours + data[start + old :]


@pytest.mark.parametrize("fit", ["pad", "crop"])
def test_every_shape_is_converted_and_its_margins_stay_black(fit: str) -> None:
    """Black that is added is not converted: a profile may make it gray."""
    data = saved(Image.new("RGB", (600, 300), (90, 200, 60)), "JPEG", icc_profile=PROFILES["Display P3"])
    found = pixels(data, Images(fit=fit))
    assert np.abs(found[112, 112] - expected((90, 200, 60), PROFILES["Display P3"])).max() <= 3
    assert found[0, 0].any() == (fit == "crop")


def test_gray_palette_and_transparent_images_are_converted() -> None:
    """By what they become: gray by a gray profile, or by one of RGB; also where Pillow reads gray as RGB."""
    level, curve = Image.new("L", (300, 300), 60), gray_profile(1.0)
    correct = expected((60,), curve, "L")
    assert correct[0] > 100
    deep = Image.new("I;16", (300, 300), 60 * 257)
    deep.putpixel((299, 299), 65_535)
    for image in (level, level.convert("LA"), level.convert("RGB"), deep):
        assert np.abs(pixels(saved(image, icc_profile=curve))[9, 9] - correct).max() <= 2, image.mode
    by_rgb = pixels(saved(level, icc_profile=PROFILES["linear"]))[9, 9]
    assert np.abs(by_rgb - expected((60, 60, 60), PROFILES["linear"])).max() <= 2
    colour = Image.new("RGB", (300, 300), (90, 200, 60))
    for image in (colour.quantize(8), colour.convert("RGBA")):
        found = pixels(saved(image, icc_profile=PROFILES["Adobe RGB"]))[9, 9]
        assert np.abs(found - expected((90, 200, 60), PROFILES["Adobe RGB"])).max() <= 2, image.mode


def test_inks_are_mixed_by_their_profile() -> None:
    """On a real file with the inks of American magazines; 0, 100, 100, 0 is a red, and not the reddest."""
    if not (world := shared_world()):
        pytest.skip("there are no files with inks")
    with Image.open(world / "pool/awkward/Channel_digital_image_CMYK_color.jpg") as image:
        inks = image.info["icc_profile"]
    data = saved(Image.new("CMYK", (300, 300), (0, 255, 255, 0)), "TIFF", icc_profile=inks)
    assert np.abs(pixels(data)[9, 9] - expected((0, 255, 255, 0), inks, "CMYK")).max() <= 2
    assert pixels(saved(Image.new("CMYK", (300, 300), (0, 255, 255, 0)), "TIFF"))[9, 9].tolist() == [255, 0, 0]


UNFIT = {
    "sRGB": SRGB,
    "junk": random.Random(1).randbytes(500),
    "cut off": PROFILES["Adobe RGB"][:200],
    "without its colours": profile("RGB ", {}),
    "of inks": profile("CMYK", {}),
    "of gray, for colours": gray_profile(1.0),
    "of no known space": profile("Luv ", {}),
    "empty": b"",
}


@pytest.mark.parametrize("what", UNFIT)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_profiles_of_srgb_and_those_that_do_not_fit_change_nothing(kind: str, what: str) -> None:
    """Same bytes as without one."""
    image = draw_picture(random.Random(3), (300, 200))
    assert converted(saved(image, kind, icc_profile=UNFIT[what])) == converted(saved(image, kind, icc_profile=None))


def test_the_small_image_carries_no_profile() -> None:
    """It is sRGB, as every image without one."""
    data = converted(saved(draw_picture(random.Random(3), (300, 200)), icc_profile=PROFILES["Adobe RGB"]))
    with Image.open(io.BytesIO(data)) as image:
        assert "icc_profile" not in image.info


def test_the_profiles_of_real_photographs_are_recognised() -> None:
    """Of 287 photographs 84 have one: 75 sRGB, from four programs, and nine others."""
    if not (world := shared_world()):
        pytest.skip("there are no photographs")
    photos = [path for path in sorted((world / "pool/photos").iterdir()) if _profile(path)]
    assert len(photos) == 84
    assert sum(_is_changed(path) for path in photos) == 9


def _profile(path: Path) -> bytes:
    with Image.open(path) as image:
        return bytes(image.info.get("icc_profile") or b"")


def _is_changed(path: Path) -> bool:
    return transform_to_srgb(_profile(path), "RGB") is not None
