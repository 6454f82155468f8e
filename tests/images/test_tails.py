"""Files of the full length whose end was never written, and is zeros, are truncated; whole files stay whole."""

from __future__ import annotations

import io
import random
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.convert import Encoded, convert
from treeoflife.testing.world import draw_picture

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "WebP": ("WEBP", "RGB", {"quality": 90}),
    "WebP, lossless": ("WEBP", "RGB", {"lossless": True}),
    "WebP, transparent": ("WEBP", "RGBA", {"quality": 90}),
    "WebP, lossless, transparent": ("WEBP", "RGBA", {"lossless": True}),
    "AVIF": ("AVIF", "RGB", {"quality": 90}),
    "AVIF, transparent": ("AVIF", "RGBA", {}),
}
READ = [kind for kind in KINDS if "AVIF" not in kind or features.check("avif")]


def picture(mode: str = "RGB") -> Image.Image:
    """A picture with noise, so that its data are long; its transparency is noise too."""
    chance, size = random.Random(5), (200, 160)
    image = Image.blend(draw_picture(chance, size), Image.frombytes("RGB", size, chance.randbytes(96_000)), 0.2)
    if mode == "RGBA":
        image.putalpha(Image.frombytes("L", size, chance.randbytes(32_000)))
    return image


def saved(kind: str, image: Image.Image | None = None, **further: Any) -> bytes:
    name, mode, options = KINDS[kind]
    out = io.BytesIO()
    (image or picture(mode)).save(out, name, **options, **further)
    return out.getvalue()


def unwritten(data: bytes, end: int) -> bytes:
    return data[:end] + bytes(len(data) - end)


@pytest.mark.parametrize("kind", READ)
@pytest.mark.parametrize("share", [0.4, 0.6, 0.8, 0.95])
def test_a_file_whose_end_was_never_written_is_no_image(kind: str, share: float) -> None:
    """The whole file is one."""
    data = saved(kind)
    assert isinstance(convert(data, Images()), Encoded)
    result = convert(unwritten(data, int(share * len(data))), Images())
    assert isinstance(result, Skip), result
    assert result.reason in ("truncated", "broken")


@pytest.mark.parametrize("kind", [kind for kind in READ if "transparent" not in kind])
def test_the_detail_names_the_zeros(kind: str) -> None:
    """So that whoever reads the ledger knows where to look."""
    data = saved(kind)
    result = convert(unwritten(data, len(data) // 2), Images())
    assert isinstance(result, Skip)
    assert result.reason == "truncated"
    assert "zeros, as where a download stopped early" in result.detail


def test_an_animation_is_judged_by_its_first_frame() -> None:
    """Zeros in a later frame are no fault of it."""
    data = saved("WebP", save_all=True, append_images=[picture().rotate(180)])
    first, second = data.index(b"ANMF"), data.rindex(b"ANMF")
    size = struct.unpack_from("<I", data, first + 4)[0]
    middle = first + 8 + size // 2
    assert isinstance(convert(unwritten(data, second + 3000), Images()), Encoded)
    result = convert(data[:middle] + bytes(second - middle) + data[second:], Images())
    assert isinstance(result, Skip)
    assert result.reason == "truncated"


def test_a_whole_picture_that_ends_in_many_zeros_stays_whole() -> None:
    """A lossy WebP with a plain lower part does, and needs each of them."""
    image = Image.new("RGB", (2000, 2000))
    image.paste(picture().resize((2000, 400)))
    data = saved("WebP", image)
    assert data.endswith(bytes(65))
    assert isinstance(convert(data, Images()), Encoded)


def test_transparency_that_is_stored_may_end_in_zeros() -> None:
    """They are transparent pixels."""
    still = saved("WebP")
    width, height = picture().size
    stored = b"\0" + bytes(width * height)
    header = bytes((0x10, 0, 0, 0)) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"VP8X" + struct.pack("<I", 10) + header + b"ALPH" + struct.pack("<I", len(stored)) + stored + b"\0"
    body += still[12:]
    data = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    assert isinstance(convert(data, Images()), Encoded)


@pytest.mark.skipif("AVIF" not in READ, reason="this Pillow reads no AVIF")
def test_zeros_behind_the_picture_of_an_avif_are_not_its_picture() -> None:
    """Some programs write metadata there."""
    data = saved("AVIF")
    at = data.index(b"mdat") - 4
    size = int.from_bytes(data[at : at + 4])
    assert at + size == len(data)
    longer = data[:at] + struct.pack(">I", size + 500) + data[at + 4 :] + bytes(500)
    assert convert(longer, Images()) == convert(data, Images())


@pytest.mark.parametrize("shape", ["soft", "hard", "noise"])
@pytest.mark.parametrize("options", [{"quality": 80}, {"quality": 80, "alpha_quality": 50}, {"save_all": True}])
def test_whole_transparency_may_end_in_thousands_of_zeros(shape: str, options: dict[str, Any]) -> None:
    """As libwebp's fastest method writes cut-outs; cut short, they are told like others."""
    y, x = np.mgrid[:600, :800]
    distance = np.hypot(y - 300, x - 400)
    masks = {
        "soft": np.clip((200 - distance) * 8 + 128, 0, 255),
        "hard": np.where(distance < 200, 255, 0),
        "noise": np.random.default_rng(7).integers(0, 2, (600, 800)) * 255,
    }
    image = picture().resize((800, 600))
    image.putalpha(Image.fromarray(masks[shape].astype(np.uint8)))
    out = io.BytesIO()
    further = {"append_images": [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]} if "save_all" in options else {}
    image.save(out, "WEBP", method=0, **options, **further)
    data = out.getvalue()
    assert isinstance(convert(data, Images()), Encoded)
    start = data.index(b"ALPH") + 8
    end = start + int.from_bytes(data[start - 4 : start], "little")
    for share in (0.1, 0.5):
        kept = start + int(share * (len(data[start:end].rstrip(b"\0"))))
        assert isinstance(convert(data[:kept] + bytes(end - kept) + data[end:], Images()), Skip)
