"""Whether the coded data of a WebP or an AVIF end in zeros because the rest of the file was never written.

A download into a file of the full length that stops early leaves zeros. Zeros are codes too, and these decoders make a
picture of them. But coded data of a whole picture hardly ever end in as many zeros: docs/images.md has the numbers.
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image

from ..core.values import Skip
from .boxes import top_boxes

_MOST_ZEROS = 64
"""With more zeros at their end, coded data are looked into."""
_STILLS = (b"VP8 ", b"VP8L")
_FRAME_HEADER = 16
_COLOUR_HEADER = 10  # width and height are its last four bytes
# The lowest bits of transparency that is not coded, but stored: zeros are transparent pixels there.
_CODING, _STORED = 3, 0


def find_unwritten_webp(data: bytes, _: Image.Image) -> Skip | None:
    """A Skip ``truncated`` if the first frame of a WebP, or its transparency, ends in zeros that belong to no picture.

    A lossy picture with a plain lower part may end in hundreds of zeros, and transparency in thousands, but each is
    needed: the decoder raises an error if some are taken away. If it is content without them, they are no picture.
    """
    chunks = list(_webp_chunks(data, 12))
    colours = next((coded for name, coded in chunks if name == b"VP8 "), b"")
    for chunk, content in chunks:
        zeros, name, coded = _count_zeros(content), chunk, content
        if zeros <= _MOST_ZEROS:
            continue
        if chunk == b"ALPH" and content[0] & _CODING != _STORED and len(colours) >= _COLOUR_HEADER:
            name, coded = b"VP8L", _lossless(content, colours)
        if name in _STILLS and _is_decoded(_still(name, coded[:-_MOST_ZEROS])):
            return _unwritten("WebP", zeros)
    return None


def _lossless(transparency: bytes, colours: bytes) -> bytes:
    """Coded transparency as the lossless picture that it is, with the header it lacks: it has the colours' size."""
    width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", colours, _COLOUR_HEADER - 4))
    return b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + transparency[1:]


def find_unwritten_avif(data: bytes, image: Image.Image) -> Skip | None:
    """A Skip ``truncated`` if the coded data of an AVIF, decoded as ``image``, end in zeros.

    Metadata may stand behind the picture, and end in zeros: those can be overwritten without a change of the picture.
    """
    for name, start, end in top_boxes(data):
        zeros = _count_zeros(data[start:end]) if name == b"mdat" else 0
        if zeros > _MOST_ZEROS:
            end = min(end, len(data))
            other = data[: end - zeros] + b"\xff" * zeros + data[end:]
            if not _is_decoded(other, like=image):
                return _unwritten("AVIF", zeros)
    return None


def _webp_chunks(data: bytes, position: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of the chunks of a WebP; of an animation, those of its first frame as well, and then no more."""
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        start = position + 8
        if name == b"ANMF":
            yield from _webp_chunks(data[: start + size], start + _FRAME_HEADER)
            return
        yield name, data[start : start + size]
        position = start + size + size % 2


def _still(name: bytes, coded: bytes) -> bytes:
    """A WebP with one picture, and nothing else."""
    padded = coded + bytes(len(coded) % 2)
    return b"RIFF" + struct.pack("<I", len(padded) + 12) + b"WEBP" + name + struct.pack("<I", len(coded)) + padded


def _is_decoded(data: bytes, like: Image.Image | None = None) -> bool:
    """Whether a file can be decoded, and to the same pixels as another image if one is given."""
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP", "AVIF")) as image:
            image.load()
            return like is None or (image.mode == like.mode and image.tobytes() == like.tobytes())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a decoder may raise anything over data that are no picture
        return False


def _count_zeros(data: bytes) -> int:
    return len(data) - len(data.rstrip(b"\0"))


def _unwritten(name: str, zeros: int) -> Skip:
    return Skip("truncated", f"the picture of the {name} ends in {zeros} zeros, as where a download stopped early")
