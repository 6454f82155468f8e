"""The boxes that AVIF, HEIC and JPEG 2000 files consist of."""

from collections.abc import Iterator

_WITH_PROFILE = (b"\2", b"\3")  # methods of a colr box: a restricted profile, or any


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


def jpeg2000_profile(data: bytes) -> bytes | None:
    """The ICC profile of a JPEG 2000 file, which Pillow does not pass on; None if it has none.

    By ISO/IEC 15444-1, annex I.5.3.3, it is in the first box ``colr`` of the box ``jp2h`` if its method is 2; other
    readers take method 3, of part 2, alike.
    """
    header = next((data[start:end] for name, start, end in top_boxes(data) if name == b"jp2h"), b"")
    colours = (header[start:end] for name, start, end in top_boxes(header) if name == b"colr")
    return next((colour[3:] for colour in colours if colour[:1] in _WITH_PROFILE), None)
