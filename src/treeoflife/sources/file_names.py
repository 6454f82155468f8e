"""Names of files and containers: which are images, which are harmless, and how they are written into tables."""

import hashlib
import os
import re
from collections.abc import Collection
from urllib.parse import quote

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .webp .tif .tiff .bmp .ppm .pgm .pnm .jp2 .j2k .avif .heic .heif .hif".split()
)
"""File name endings, in lower case, of images in folders. HEIC is decoded only with the extra heic."""

ARCHIVE_SUFFIXES = (
    ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".7z", ".rar",
)  # fmt: skip
"""File name endings, in lower case, of archives of any kind, whether a source reads them or not."""

HARMLESS_SUFFIXES = frozenset(
    ".txt .md .rst .html .htm .pdf .doc .docx .log"  # texts
    " .csv .tsv .tab .json .jsonl .jsonld .ndjson .xml .yaml .yml .toml .parquet .pq .xlsx .xls .ods .sqlite"  # tables
    " .md5 .sha1 .sha256 .sha512 .crc .sfv .asc .sig"  # checksums and signatures
    " .xmp .aae .thm .url .lnk".split()  # what cameras, phones and desktops put beside photographs
)
"""File name endings, in lower case, of files that may lie beside images and archives without a word."""
HARMLESS_NAMES = frozenset(
    "readme license licence copying notice authors citation changelog manifest checksums md5sums sha1sums sha256sums"
    " sha512sums thumbs.db ehthumbs.db desktop.ini icon\r".split(" ")
)
"""The same for whole names, in lower case."""
HARMLESS_FOLDERS = frozenset({"__macosx", "@eadir", "lost+found", "$recycle.bin", "system volume information"})
"""The same for folders, in lower case, with all that they hold: systems make them, and keep copies in them."""

_SHOWN = 3  # names in a message
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
# Most file systems allow 255 bytes; the rest is for an ending and the mark of a temporary file.
_MAX_LENGTH = 200
_LIKE_AN_ESCAPE = re.compile(r"\\(?=x[0-9a-f]{2})")


def is_image_name(name: str) -> bool:
    """Whether a file is an image, by the ending of its name."""
    return suffix_of(name) in IMAGE_SUFFIXES


def is_harmless(name: str, *, folder: bool = False) -> bool:
    """Whether a file or folder is passed over without a word: it is hidden, or no image and known to be none.

    >>> is_harmless(".DS_Store"), is_harmless("SHA256SUMS"), is_harmless("IMG_1.CR2"), is_harmless("part1")
    (True, True, False, False)
    """
    if folder:
        return name.startswith(".") or name.lower() in HARMLESS_FOLDERS
    suffix = suffix_of(name)
    if suffix in _COMPRESSED:
        suffix = suffix_of(name[: -len(suffix)])  # a table that is compressed is a table
    return name.startswith(".") or name.lower() in HARMLESS_NAMES or suffix in HARMLESS_SUFFIXES


def suffix_of(name: str) -> str:
    """The ending of a file's name, in lower case."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a million names; this is many times as fast as Path


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

    No two names become one: a backslash that could be taken for the beginning of an escape is escaped too.

    >>> escape_invalid_utf8(b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    'caf\\xe9.jpg'
    >>> escape_invalid_utf8(r"caf\xe9.jpg"), escape_invalid_utf8(r"C:\photos\a.jpg")
    ('caf\\x5cxe9.jpg', 'C:\\photos\\a.jpg')
    """
    if "\\" in name:
        name = _LIKE_AN_ESCAPE.sub(r"\\x5c", name)
    return name_bytes(name).decode("utf-8", "backslashreplace")


def show_names(names: Collection[str]) -> str:
    """The first few of some names, for a message."""
    first = ", ".join(f"'{escape_invalid_utf8(name)}'" for name in sorted(names)[:_SHOWN])
    return first if len(names) <= _SHOWN else f"{first} and {len(names) - _SHOWN} more"
