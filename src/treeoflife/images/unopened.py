"""What is wrong with a file that Pillow does not open: no image at all, or one that is damaged or cut off."""

import re

from ..core.values import Skip
from .boxes import top_boxes
from .heif import is_heif, unread_format
from .metadata import tiff_directory_end

# How files of the formats that are read begin.
_BEGINNINGS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF....WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "BMP": rb"BM.{12}[\x0c(48@l|]\0",  # the sizes that a header may have
    "PPM": rb"P[1-6]\s+(#|\d+\s)",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "AVIF": rb"....ftypavi[fs]",
}
_WITH_BOXES = ("AVIF", "HEIC", "JPEG 2000")


def judge_unopened(data: bytes) -> Skip:
    """The reason why a file is no image: ``not-an-image`` only if it begins like none.

    >>> judge_unopened(b"<html>404").reason, judge_unopened(b"GIF89a").reason
    ('not-an-image', 'broken')
    """
    name = format_of(data)
    if name and (end := _declared_end(name, data)) > len(data):
        return Skip("truncated", f"the {name} has {len(data)} bytes, but says of itself that it goes on to byte {end}")
    if fault := unread_format(data):
        return fault
    if name:
        return Skip("broken", f"the file begins as a {name}, but cannot be opened as one")
    return Skip("not-an-image", f"the file begins with {data[:16]!r}")


def format_of(start: bytes) -> str | None:
    r"""The format that a file begins as, by its first 16 bytes or more; None if it is none that is read here.

    HEIC is among them even where its extra is not installed.

    >>> format_of(b"\xff\xd8\xff\xe0" + bytes(12)), format_of(b"<html>" + bytes(10))
    ('JPEG', None)
    """
    if is_heif(start):
        return "HEIC"
    return next((name for name, beginning in _BEGINNINGS.items() if re.match(beginning, start, re.DOTALL)), None)


def _declared_end(name: str, data: bytes) -> int:
    """Where a file ends at least, by its own structure; 0 where that does not say."""
    if name == "TIFF":
        return tiff_directory_end(data)
    ends = (end for _, _, end in top_boxes(data)) if name in _WITH_BOXES else ()
    return max(ends, default=0)
