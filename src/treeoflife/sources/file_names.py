"""Names of image files and containers: which are images, and how they are written into tables and file systems."""

import hashlib
from urllib.parse import quote

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .webp .tif .tiff .bmp .ppm .pgm .pnm .jp2 .j2k .avif .heic".split()
)
"""File name endings, in lower case, of images in folders. HEIC is not decoded, but is listed in the ledger."""

# Most file systems allow 255 bytes; the rest is for an ending and the mark of a temporary file.
_MAX_LENGTH = 200


def safe_file_name(name: str) -> str:
    """Turn any text into a file name: unusual characters become percent escapes, and a long name ends in its hash.

    >>> safe_file_name("00001_Animalia_Chordata"), safe_file_name("../x y")
    ('00001_Animalia_Chordata', '%2E.%2Fx%20y')
    """
    safe = quote(name_bytes(name), safe="")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe) > _MAX_LENGTH:
        safe = f"{safe[:160]}-{hashlib.sha256(name_bytes(name)).hexdigest()[:16]}"
    return safe


def name_bytes(name: str) -> bytes:
    """The bytes of a file name, as the file system has them: they need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def escape_invalid_utf8(name: str) -> str:
    r"""Write bytes of a file name that are not UTF-8 as escapes, so that the name can be stored in tables.

    >>> escape_invalid_utf8(b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    'caf\\xe9.jpg'
    """
    return name_bytes(name).decode("utf-8", "backslashreplace")
