"""The boxes that AVIF, HEIC and JPEG 2000 files consist of."""

from collections.abc import Iterator


def top_boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Of each box that is in no other: its name, and where its content begins and ends, be it beyond the file's end.

    >>> list(top_boxes(b"\\0\\0\\0\\x0aftypav" + b"\\0\\0\\0\\x63mdat"))
    [(b'ftyp', 8, 10), (b'mdat', 18, 109)]
    """
    position = 0
    while position + 8 <= len(data):
        start, size = position + 8, int.from_bytes(data[position : position + 4])
        if size == 1:  # the size stands behind the name, in 64 bits
            start, size = position + 16, int.from_bytes(data[position + 8 : position + 16])
        elif size == 0:  # the last box, which goes to the end
            size = len(data) - position
        if size < start - position:
            return
        yield data[position + 4 : position + 8], start, position + size
        position += size
