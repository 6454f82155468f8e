"""Convert colours to sRGB by the colour profile that a file carries, with LittleCMS, which is part of Pillow.

Training pipelines read every image as sRGB. Without this, a photograph in Adobe RGB looks pale, and one in Display P3
too. Images without a profile are taken to be sRGB, as everywhere else.
"""

import io
from functools import cache, lru_cache

from PIL import Image, ImageCms, features

from ..errors import MissingExtra

Transform = ImageCms.ImageCmsTransform
# The mode of an image whose colours a profile describes, by the profile's colour space.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
# Fixed, so that the same file gives the same image. These are what photographs are converted with: colours within sRGB
# stay as they are, and the darkest black of a print becomes black.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
# There are dozens of profiles of sRGB, which differ by rounding. Where no colour changes by more than this, none is
# changed at all, so that an image with such a profile is the same as one without.
_SAME = 2
# Profiles of printers have about half a megabyte. Some are remembered: most of a container's are the same.
_MAX_PROFILE, _REMEMBERED = 4_000_000, 16


@cache
def require_colour_management() -> None:
    """Check that Pillow has LittleCMS, as all of its wheels do.

    Raises:
        MissingExtra: it was built without.
    """
    if not features.check("littlecms2"):
        raise MissingExtra(
            "this Pillow was built without LittleCMS, which converts colour profiles: pip install pillow"
        )


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an RGB image to sRGB, by the profile of the file that it is from.

    It is returned as it is if there is no profile, if that is of sRGB, and if it cannot be read or is not of such an
    image: a profile costs itself, not the picture.

    >>> image = Image.new("RGB", (2, 2), "red")
    >>> to_srgb(image, b"no profile") is image
    True
    """
    if profile and (transform := transform_to_srgb(profile, "RGB")):
        return transform.apply(image)
    if profile and (transform := transform_to_srgb(profile, "L")):
        gray = image.convert("L")
        return transform.apply(gray) if gray.convert("RGB") == image else image
    return image


@lru_cache(_REMEMBERED)
def transform_to_srgb(profile: bytes, mode: str) -> Transform | None:
    """The conversion from a profile to sRGB, for images of this mode.

    Returns:
        None if there is nothing to convert: the profile is of sRGB, of another mode, too large, or not readable.
    """
    if len(profile) > _MAX_PROFILE:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _MODES.get(source.profile.xcolor_space.strip()) != mode:
            return None
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB", _INTENT, _FLAGS)
        return None if _changes_nothing(transform, mode) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def _changes_nothing(transform: Transform, mode: str) -> bool:
    """Whether a conversion leaves the grays, and colours from the whole gamut, as they are."""
    if mode == "CMYK":
        return False
    colours = _sample_colours().convert(mode)
    before, after = colours.convert("RGB").tobytes(), transform.apply(colours).tobytes()
    return max(abs(one - other) for one, other in zip(before, after, strict=True)) <= _SAME


@lru_cache(1)
def _sample_colours() -> Image.Image:
    steps = range(0, 256, 15)
    grays = [(level, level, level) for level in range(256)]
    colours = grays + [(red, green, blue) for red in steps for green in steps for blue in steps]
    image = Image.new("RGB", (len(colours), 1))
    image.putdata(colours)
    return image
