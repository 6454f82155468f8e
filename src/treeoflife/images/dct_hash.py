"""Perceptual hashes that find pictures which were cropped, turned, mirrored or written on.

A hash has 168 bits: of the 13 by 13 lowest frequencies of the picture at 48 by 48 pixels, but for the mean, whether
each is positive. An image has three: of the whole picture, and of what is left without 4 % and 8 % of each side, since
a hash of a whole picture is far from that of a crop. Mirroring and turning by 90 degrees exchange frequencies or their
signs, so the hashes of all eight orientations follow from one (:func:`orient`).

The hashes are computed from the stored JPEG, not while the original is decoded: a store that was encoded before there
were such hashes gets them without its originals being read.
"""

import io
from math import fsum

import numpy as np
from numpy.typing import NDArray
from PIL import Image

STEP_VERSION = 1
"""Raised whenever the same image would have other hashes."""

CROPS = (0.0, 0.04, 0.08)
"""How much of each side is left out, for each hash of an image."""
HASH_BITS = 168
WORDS = 3
"""A hash is stored as three numbers of 64 bits; the last 24 bits are zero."""
HASHES_BYTES = len(CROPS) * WORDS * 8

Hash = NDArray[np.uint64]

# A JPEG decoder can decode at half size, which takes a third of the time.
_DECODED, _SIDE, _FREQUENCIES = 112, 48, 13
# Cosines are rounded to whole numbers, so that every processor computes the same bits: see perceptual_hash.
_SCALE = 4096
_STEPS = np.pi / (2 * _SIDE) * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(_SIDE) + 1)
_COSINES: NDArray[np.float64] = np.round(np.cos(_STEPS) * np.sqrt(2 / _SIDE) * _SCALE)
# Root mean square of the frequencies, in levels of gray. Below one level, the bits would be those of noise.
_MIN_CONTRAST = 1.0
_DOWN, _ACROSS = (grid.ravel()[1:] for grid in np.mgrid[:_FREQUENCIES, :_FREQUENCIES])
_TRANSPOSED = (_ACROSS * _FREQUENCIES + _DOWN) - 1


def dct_hashes(jpeg: bytes) -> bytes | None:
    """The three hashes of a stored JPEG, one after the other, 72 bytes; None if it is too plain for meaningful ones.

    >>> out = io.BytesIO()
    >>> Image.radial_gradient("L").resize((224, 224)).crop((0, 0, 200, 150)).save(out, "JPEG")
    >>> len(dct_hashes(out.getvalue()) or b"")
    72
    """
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("L", (_DECODED, _DECODED))
        gray = image.convert("L")
    rows = []
    for share in CROPS:
        across, down = gray.width * share, gray.height * share
        box = (across, down, gray.width - across, gray.height - down)
        small = gray.resize((_SIDE, _SIDE), Image.Resampling.HAMMING, box=box)
        waves = (_COSINES @ np.asarray(small, dtype=np.float64) @ _COSINES.T).ravel()[1:]
        if fsum((waves * waves).tolist()) < (_MIN_CONTRAST * _SIDE * _SCALE**2) ** 2:
            return None
        rows.append(waves > 0)
    return pack_bits(np.array(rows)).tobytes()


def pack_bits(bits: NDArray[np.bool_]) -> Hash:
    """Rows of 168 bits as rows of three numbers."""
    padded = np.zeros((len(bits), WORDS * 64), dtype=bool)
    padded[:, :HASH_BITS] = bits
    return np.packbits(padded, axis=1, bitorder="little").view("<u8")


def unpack_bits(hashes: Hash) -> NDArray[np.bool_]:
    """Rows of three numbers as rows of 168 bits."""
    octets = np.ascontiguousarray(hashes).view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :HASH_BITS].astype(bool)


def stack_hashes(hashes: list[bytes]) -> Hash:
    """The hashes of n images as an array of n by 3 hashes by 3 numbers."""
    return np.frombuffer(b"".join(hashes), dtype="<u8").reshape(-1, len(CROPS), WORDS)


def flip_mask(orientation: int) -> Hash:
    """The bits that an orientation inverts, beside exchanging rows for columns; see :func:`orient`."""
    signs = (_ACROSS * (orientation & 1) + _DOWN * (orientation >> 1 & 1)) % 2
    packed: Hash = pack_bits((signs == 1)[None])[0]
    return packed


def orient(hashes: Hash, orientation: int) -> Hash:
    """The hashes of pictures after :func:`orient_pixels`.

    >>> bits = np.zeros((1, HASH_BITS), bool)
    >>> bits[0, 0] = True                      # the lowest horizontal frequency
    >>> np.flatnonzero(unpack_bits(orient(pack_bits(bits), 4))).tolist()
    [12]
    """
    if orientation & 4:
        hashes = pack_bits(unpack_bits(hashes)[:, _TRANSPOSED])
    return hashes ^ flip_mask(orientation)


def orient_pixels(picture: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """A square picture in one of eight orientations: rows exchanged for columns (4), then mirrored left to right (1),
    and top to bottom (2).
    """
    if orientation & 4:
        picture = picture.swapaxes(0, 1)
    if orientation & 1:
        picture = picture[:, ::-1]
    return picture[::-1] if orientation & 2 else picture
