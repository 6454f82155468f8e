"""Decode a JPEG, and find out whether all of its picture was in the file.

Where a scan stops early, at an end marker or anything else, libjpeg fills the rest of the picture with gray. It warns,
but Pillow drops the warning. Where libjpeg has no data and sees no marker either, it waits for more data. So Pillow's
decoder is given a scan up to the marker that ends it, but not the marker. If it then has the last block, nothing is
missing; if it waits for data, the scan stopped early, whatever follows: an end marker, zeros, a phone's video.

It is the same decoder over the same data, so a whole JPEG gives the same pixels as ``image.load()`` does. Finding the
markers adds 2 % to the time (docs/images.md).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self, cast

from PIL import Image, JpegImagePlugin

from ..core.values import Skip

# In coded data a byte of 255 is followed by a zero. Bytes of 255 before a marker are padding.
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_START_OF_SCAN, _END_OF_IMAGE, _RESTARTS = 0xDA, 0xD9, range(0xD0, 0xD8)
_WITHOUT_LENGTH = {0x01, 0xD8, *_RESTARTS}
# Start of frame; C4, C8 and CC are other markers.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE, _ARITHMETIC = {0xC2, 0xC6, 0xCA, 0xCE}, range(0xC9, 0xD0)
_ALL_FREQUENCIES = (1 << 64) - 1

# libjpeg reads up to 8 bytes ahead, so 8 must follow the last block. These are all ones, which is no Huffman code,
# so they complete no block that lacks more than its last bits.
_AHEAD = b"\xff\x00" * 8 + b"\0"
# An arithmetic coder leaves zeros at its end out: 32 of them in the flattest image tried. Where a row of blocks is
# missing, libjpeg asks for 64 or more.
_AHEAD_ARITHMETIC = bytes(64)
# Space in a file that was reserved but not written is zeros, which are codes too. As many as this are looked into.
_ZEROS = bytes(64)


@dataclass
class _Layout:
    """The structure of a JPEG, as far as it says what must be there.

    Attributes:
        scans: of each scan, where its data begin, and where the intervals end that restart markers divide them into.
        missing: of each component, the frequencies that no scan has completed, as bits.
    """

    arithmetic: bool = False
    progressive: bool = False
    missing: dict[int, int] = field(default_factory=dict)
    scans: list[tuple[int, list[int]]] = field(default_factory=list)

    def start_frame(self, code: int, frame: bytes) -> None:
        """Read a frame header: which components there are, and how they are coded."""
        self.arithmetic, self.progressive = code in _ARITHMETIC, code in _PROGRESSIVE
        self.missing = dict.fromkeys(frame[6::3], _ALL_FREQUENCIES)

    def add_scan(self, scan: bytes, start: int, stops: list[int]) -> None:
        """Read a scan header: which frequencies of which components it completes."""
        self.scans.append((start, stops))
        components, (first, last, precision) = scan[1:-3:2], scan[-3:]
        frequencies = (2 << last) - (1 << first) if self.progressive else _ALL_FREQUENCIES
        for component in components if not self.progressive or precision & 15 == 0 else ():
            self.missing[component] = self.missing.get(component, 0) & ~frequencies


def load_jpeg(image: Image.Image) -> Skip | None:
    """Decode an opened JPEG in place, like ``image.load()``; draft mode is kept.

    Returns:
        A Skip ``truncated`` if a part of the picture is missing: at the end, or at the end of an interval between
        restart markers.

    Raises:
        OSError: libjpeg cannot read it.

    >>> import io
    >>> out = io.BytesIO()
    >>> Image.radial_gradient("L").save(out, "JPEG")
    >>> load_jpeg(Image.open(out)) is None
    True
    >>> load_jpeg(Image.open(io.BytesIO(out.getvalue()[:1000] + b"\\xff\\xd9"))).reason
    'truncated'
    """
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    assert image.fp is not None
    image.fp.seek(0)
    data = image.fp.read()
    layout = _read_layout(data)
    if isinstance(layout, Skip):
        return layout
    with _Feeder(image, data) as feeder:
        fault = feeder.feed(layout)
    image.tile = []  # it is decoded: load() has nothing more to do
    image.load()
    return fault


def _read_layout(data: bytes) -> _Layout | Skip:
    """Find the scans of a JPEG, up to the one that completes the picture: a trailer is not looked at."""
    layout, position = _Layout(), 2
    while match := _MARKER.search(data, position):
        code, position = data[match.end() - 1], match.end()
        if code == _END_OF_IMAGE:
            return _truncated("ends before its last scan")
        if code in _WITHOUT_LENGTH:
            continue
        segment = position + 2
        position += int.from_bytes(data[position:segment])
        if code in _FRAMES:
            layout.start_frame(code, data[segment:position])
        elif code == _START_OF_SCAN and position <= len(data):
            stops = list(_intervals(data, position))
            if fault := _find_lost_interval(data, stops):
                return fault
            layout.add_scan(data[segment:position], position, stops)
            position = stops[-1]
            if not any(layout.missing.values()):
                return layout
    return _truncated("stops before its end marker")


def _intervals(data: bytes, start: int) -> Iterator[int]:
    """Where the intervals of a scan end: at its restart markers, and at the first other marker."""
    for match in _MARKER.finditer(data, start):
        yield match.start()
        if data[match.end() - 1] not in _RESTARTS:
            return
    yield len(data)


def _find_lost_interval(data: bytes, stops: list[int]) -> Skip | None:
    """Restart markers count from 0 to 7: where one is left out, so is the interval before it."""
    if stops[-1] == len(data):
        return _truncated("stops before its end marker")
    for number, stop in enumerate(stops[:-1]):
        if data[stop + 1] != _RESTARTS[number % 8]:
            return _truncated(f"lacks an interval before byte {stop}: its restart markers are out of order")
    return None


def _truncated(detail: str) -> Skip:
    return Skip("truncated", f"the JPEG {detail}")


class _Feeder:
    """Pillow's JPEG decoder, fed interval by interval."""

    def __init__(self, image: JpegImagePlugin.JpegImageFile, data: bytes) -> None:
        tile = image.tile[0]
        image.load_prepare()
        arguments = (*cast("tuple[str, ...]", tile.args), *image.decoderconfig)
        self._decoder = Image.core.jpeg_decoder(image.mode, *arguments)  # type: ignore[attr-defined]
        self._decoder.setimage(image.im, tile.extents)
        self._data, self._view = data, memoryview(data)
        self._unread, self._finished = b"", False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.cleanup()

    def feed(self, layout: _Layout) -> Skip | None:
        """Decode all scans; returns what is missing, if anything."""
        position = 0
        for start, stops in layout.scans:
            # Arithmetic decoders cannot wait for data, and fail instead. They get a scan as one.
            for stop in stops[-1:] if layout.arithmetic else stops:
                part, has_zeros = self._view[position:stop], self._data.find(_ZEROS, max(start, position), stop) >= 0
                if not (self._takes_arithmetic(part) if layout.arithmetic else self._takes(part, has_zeros=has_zeros)):
                    return _truncated(f"stops too early, at byte {stop}, whatever follows")
                position = stop
            # After its last block, libjpeg passes over a restart marker. If intervals are missing, it begins the next.
            restart = bytes((0xFF, _RESTARTS[(len(stops) - 1) % 8], 0))
            if not layout.arithmetic and not self._is_complete(restart):
                return _truncated(f"lacks intervals at byte {position}")
        self._push(self._view[position:])
        return None if self._finished else _truncated("stops before its end marker")

    def _takes(self, part: memoryview, *, has_zeros: bool) -> bool:
        """Whether a part of a scan has all blocks up to its end."""
        if not has_zeros:
            return self._is_complete(b"".join((part, _AHEAD)))
        picture, many = bytes(part).rstrip(b"\0"), len(_ZEROS)
        steps, rest = divmod(len(part) - len(picture), many)
        if not steps:  # a hole within: the data after it are seldom as many as the picture still takes
            return not self._is_complete(part[:-many]) and self._is_complete(b"".join((part[-many:], _AHEAD)))
        self._push(picture)
        for step in range(steps):
            if self._is_complete(_ZEROS):
                # Zeros may follow the picture, or be its last codes; but no picture has more of them than it takes.
                return step in (0, steps - 1)
        return self._is_complete(bytes(rest) + _AHEAD)

    def _takes_arithmetic(self, scan: memoryview) -> bool:
        try:
            self._push(bytes(scan).rstrip(b"\0") + _AHEAD_ARITHMETIC)
        except OSError:
            return False
        return True

    def _is_complete(self, part: bytes | memoryview) -> bool:
        """Whether the decoder waits for a marker, and no longer for data, when it is given this part of a scan.

        Whoever waits for a marker takes all bytes. Whoever waits for data may have taken all as well, but takes no
        single byte then: libjpeg refills 25 bits or more at once.
        """
        view = memoryview(part)
        return self._push(view[:-1]) & self._push(view[-1:])

    def _push(self, part: bytes | memoryview) -> bool:
        """Give data to the decoder; returns whether it took all of them."""
        if self._finished:
            return True
        data = b"".join((self._unread, part)) if self._unread else part
        taken, code = self._decoder.decode(data)
        if code < 0:
            raise OSError("broken data stream when reading image file")
        self._finished = taken < 0
        self._unread = b"" if self._finished else bytes(data[taken:])
        return not self._unread
