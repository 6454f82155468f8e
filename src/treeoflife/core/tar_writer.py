"""A writer of tar archives whose bytes depend only on names and contents: ustar, mode 644, time 0, owner 0."""

BLOCK = 512
"""Headers and data fill whole blocks of this many bytes."""
_RECORD = 20 * BLOCK  # an archive fills whole records: the blocking factor of GNU tar and of tarfile
# Around the name, the fields that depend on the size, and the checksum: the type, magic, no user, no group, devices.
_BEFORE_SIZE = b"0000644\0" + b"0000000\0" * 2  # mode, owner, group
_TIME = b"00000000000\0"
_AFTER_CHECKSUM = b"0" + bytes(100) + b"ustar\00000" + bytes(64) + b"0000000\0" * 2 + bytes(167)
# The checksum counts its own eight bytes as spaces.
_FIXED_SUM = sum(_BEFORE_SIZE) + sum(_TIME) + 8 * ord(" ") + sum(_AFTER_CHECKSUM)
_LONGEST_NAME = 100
_LARGEST = 8**11 - 1  # eleven octal digits: 8 GiB


def encode_header(name: str, size: int) -> bytes:
    """The header of a plain file of ``size`` bytes.

    Raises:
        ValueError: the name is empty or longer than 100 bytes, or the size is 8 GiB or more.

    >>> len(encode_header("a.txt", 3))
    512
    """
    encoded = name.encode()
    if len(encoded) > _LONGEST_NAME or not encoded or size > _LARGEST:
        raise ValueError(f"a member of {size} bytes called {name!r:.120} does not fit a ustar header")
    digits = b"%011o\0" % size
    checksum = b"%06o\0 " % (_FIXED_SUM + sum(encoded) + sum(digits))
    return b"".join((encoded.ljust(_LONGEST_NAME, b"\0"), _BEFORE_SIZE, digits, _TIME, checksum, _AFTER_CHECKSUM))


def padded_size(size: int) -> int:
    """The bytes that ``size`` bytes of data take in an archive.

    >>> padded_size(0), padded_size(1), padded_size(512)
    (0, 512, 512)
    """
    return -(-size // BLOCK) * BLOCK


def encode_member(name: str, data: bytes) -> bytes:
    """A complete member: header, data, padding."""
    return b"".join((encode_header(name, len(data)), data, bytes(-len(data) % BLOCK)))


def end_marker(size: int) -> bytes:
    """The end of an archive whose members take ``size`` bytes: two blocks of zeros, filled up to a whole record."""
    return bytes(-(-(size + 2 * BLOCK) // _RECORD) * _RECORD - size)
