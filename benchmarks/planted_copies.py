"""Kinds of copies that pictures on the web are: what benchmarks/duplicates.py plants, each from a photograph."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Make = Callable[[Image.Image, random.Random], bytes]


def saved(image: Image.Image, quality: int = 88) -> bytes:
    """An image as a JPEG."""
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def _resized(image: Image.Image, chance: random.Random) -> bytes:
    factor = chance.uniform(0.3, 0.9)
    return saved(image.resize((max(64, int(image.width * factor)), max(64, int(image.height * factor)))))


def _crop(share: float) -> Make:
    """As much less of each side as ``share``, of which a part is cut off on either end."""

    def make(image: Image.Image, chance: random.Random) -> bytes:
        left, top = (chance.random() * share * side for side in image.size)
        width, height = (side * (1 - share) for side in image.size)
        return saved(image.crop((int(left), int(top), int(left + width), int(top + height))), 90)

    return make


def _recoloured(image: Image.Image, chance: random.Random) -> bytes:
    for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = kind(image).enhance(chance.uniform(0.75, 1.3))
    return saved(image, 90)


def _font(image: Image.Image, share: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(10, int(image.height * share)))


def _watermarked(image: Image.Image, chance: random.Random) -> bytes:
    """A line of text over a tenth of the height, half transparent, somewhere in the lower or the upper third."""
    layer = Image.new("RGBA", image.size)
    place = (image.width * 0.1, image.height * chance.choice((0.08, 0.8)))
    ImageDraw.Draw(layer).text(place, "© Natural History Archive", (255, 255, 255, 150), _font(image, 1 / 12))
    return saved(Image.alpha_composite(image.convert("RGBA"), layer), 90)


def _slanted(image: Image.Image, _: random.Random) -> bytes:
    """A line of text from corner to corner, half transparent."""
    layer = Image.new("RGBA", image.size)
    draw, font = ImageDraw.Draw(layer), _font(image, 0.12)
    draw.text((image.width / 2, image.height / 2), "SAMPLE PICTURE", (255, 255, 255, 130), font, anchor="mm")
    return saved(Image.alpha_composite(image.convert("RGBA"), layer.rotate(30)))


def _logo(image: Image.Image, chance: random.Random) -> bytes:
    """A coloured disc with a letter in a corner, an eighth of each side."""
    image, side = image.copy(), min(image.size) // 7
    left = chance.choice((side // 4, image.width - side - side // 4))
    top = chance.choice((side // 4, image.height - side - side // 4))
    draw = ImageDraw.Draw(image)
    draw.ellipse((left, top, left + side, top + side), fill=tuple(chance.randrange(256) for _ in range(3)))
    draw.text((left + side // 2, top + side // 2), "N", "white", _font(image, 0.1), anchor="mm")
    return saved(image)


def _stamped(image: Image.Image, _: random.Random) -> bytes:
    """A black bar with date and time below, as camera traps write it."""
    image, bar = image.copy(), image.height // 14
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, image.height - bar, image.width, image.height), fill="black")
    draw.text((bar, image.height - bar), "2019-06-03 04:12:55  12°C", "white", _font(image, 0.055))
    return saved(image)


def _framed(image: Image.Image, chance: random.Random) -> bytes:
    width = max(2, min(image.size) // 50)
    return saved(ImageOps.expand(image, width, chance.choice(("black", "white"))))


def _boxed(image: Image.Image, chance: random.Random) -> bytes:
    """The box of a detector, with a label."""
    image = image.copy()
    left, top = (chance.uniform(0.1, 0.4) * side for side in image.size)
    right, bottom = (chance.uniform(0.6, 0.9) * side for side in image.size)
    draw, line = ImageDraw.Draw(image), max(2, image.width // 110)
    draw.rectangle((left, top, right, bottom), outline="red", width=line)
    draw.rectangle((left, top - image.height / 22, left + image.width / 5, top), fill="red")
    draw.text((left + line, top - image.height / 22), "animal 0.93", "white", _font(image, 1 / 32))
    return saved(image)


def _thumbnail(image: Image.Image, _: random.Random) -> bytes:
    small = image.copy()
    small.thumbnail((64, 64))
    return saved(small, 80)


def _turn(degrees: float) -> Make:
    """Turned, and cut so that nothing outside the picture shows."""

    def make(image: Image.Image, chance: random.Random) -> bytes:
        angle = chance.choice((-degrees, degrees))
        turned = image.rotate(angle, Image.Resampling.BICUBIC)
        sine = abs(np.sin(np.radians(degrees)))
        left, top = int(image.height * sine / 2) + 2, int(image.width * sine / 2) + 2
        return saved(turned.crop((left, top, image.width - left, image.height - top)))

    return make


def _burst(image: Image.Image, chance: random.Random) -> bytes:
    """The next frame of a camera that stands still: a pixel or two aside, other noise, slightly other light."""
    shift = [max(1, int(side * 0.008)) for side in image.size]
    left, top = chance.randrange(shift[0] + 1), chance.randrange(shift[1] + 1)
    frame = image.crop((left, top, image.width - shift[0] + left, image.height - shift[1] + top))
    noise = Image.effect_noise(frame.size, 25).convert("RGB")
    return saved(ImageEnhance.Brightness(Image.blend(frame, noise, 0.08)).enhance(chance.uniform(0.93, 1.07)), 85)


def _gray(image: Image.Image, _: random.Random) -> bytes:
    return saved(image.convert("L"))


def _sepia(image: Image.Image, _: random.Random) -> bytes:
    return saved(ImageOps.colorize(image.convert("L"), "#2b1a08", "#ffeccc"))


def _blurred(image: Image.Image, _: random.Random) -> bytes:
    return saved(image.filter(ImageFilter.GaussianBlur(min(image.size) / 150)))


def _sharpened(image: Image.Image, _: random.Random) -> bytes:
    return saved(image.filter(ImageFilter.UnsharpMask(max(2, min(image.size) // 150), 150, 2)))


def _palette(image: Image.Image, _: random.Random) -> bytes:
    """As a GIF of 32 colours has it."""
    return saved(image.convert("P", palette=Image.Palette.ADAPTIVE, colors=32))


LISTED: dict[str, Make] = {
    "re-encoded": lambda image, chance: saved(image, chance.randrange(40, 90)),
    "resized": _resized,
    "mirrored": lambda image, _: saved(ImageOps.mirror(image), 90),
    "recoloured": _recoloured,
    "watermarked": _watermarked,
    "corner logo": _logo,
    "slanted watermark": _slanted,
    "date stamp": _stamped,
    "thin frame": _framed,
    "detection box": _boxed,
    "thumbnail of 64 px": _thumbnail,
    "brightness +40 %": lambda image, _: saved(ImageEnhance.Brightness(image).enhance(1.4)),
    "cropped 2 %": _crop(0.02),
    "cropped 5 %": _crop(0.05),
    "cropped 10 %": _crop(0.10),
    "turned 2 degrees": _turn(2),
    "turned by 90": lambda image, _: saved(image.transpose(Image.Transpose.ROTATE_90)),
    "upside down": lambda image, _: saved(image.transpose(Image.Transpose.ROTATE_180)),
    "still burst": _burst,
}
"""What users report."""

FURTHER: dict[str, Make] = {
    "gray": _gray, "sepia": _sepia, "blurred": _blurred, "sharpened": _sharpened, "32 colours": _palette,
}  # fmt: skip
"""Kinds that nothing was tuned on."""

COPIES = LISTED | FURTHER
