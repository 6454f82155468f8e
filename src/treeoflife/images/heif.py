"""HEIC and HEIF, the formats of many phones: decoded by pillow-heif where the extra ``heic`` is installed."""

from functools import cache
from importlib import import_module

from ..core.values import Skip

NEEDS_EXTRA = "needs-extra"
"""The reason for not decoding an image that could be decoded if an extra were installed."""

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"})
_JPEG_XL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")


@cache
def heif_formats() -> tuple[str, ...]:
    """The name under which Pillow knows the format, if this process can decode it."""
    try:
        pillow_heif = import_module("pillow_heif")
    except ImportError:
        return ()
    pillow_heif.options.DECODE_THREADS = 1  # there is a worker for each core
    pillow_heif.register_heif_opener(thumbnails=False)
    return ("HEIF",)


def is_heif(data: bytes) -> bool:
    """Whether a file begins as HEIC or HEIF."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def unread_format(data: bytes) -> Skip | None:
    """The reason why Pillow does not know a file that is an image in a known format; None if it is in none of these.

    >>> unread_format(b"\\xff\\x0a...").detail, unread_format(b"<html>")
    ('JPEG XL is not read: convert it to JPEG or PNG', None)
    """
    if is_heif(data):
        if heif_formats():
            return Skip("broken", "a HEIC file that pillow-heif cannot open")
        return Skip(NEEDS_EXTRA, "HEIC is read with pillow-heif: pip install 'treeoflife[heic]', or convert it to JPEG")
    if data.startswith(_JPEG_XL):
        return Skip("not-readable", "JPEG XL is not read: convert it to JPEG or PNG")
    return None
