"""Damage to bytes, drawn by chance: what disks, networks and people who mean harm do to files."""

from __future__ import annotations

import random

ODD = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\n", b'"', b"../", b"\x1b[2J", b"=1+1")


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """``data`` with one to six changes; parts may come from ``other``."""
    for _ in range(chance.randint(1, 6)):
        data = _changed(data, other, chance)
    return data


def _changed(data: bytes, other: bytes, chance: random.Random) -> bytes:
    start = int(chance.random() ** chance.choice((1, 3)) * len(data))  # headers are struck more often
    stop = min(len(data), start + chance.choice((1, 2, 4, 16, 200)))
    piece = data[start:stop]
    match chance.randrange(7):
        case 0:
            return data[:start] + bytes(one ^ 1 << chance.randrange(8) for one in piece) + data[stop:]
        case 1:
            return data[:start] + chance.randbytes(len(piece)) + data[stop:]
        case 2:
            return data[:start] + data[stop:]
        case 3:
            return data[:start] + piece * chance.choice((2, 3, 50)) + data[stop:]
        case 4:
            return data[:start] + chance.choice(ODD) + data[stop - chance.randint(0, 1) * len(piece) :]
        case 5:
            place = chance.randrange(len(other) + 1)
            return data[:start] + other[place : place + chance.choice((8, 100, 5000))] + data[start:]
        case _:
            return data[: start if chance.random() < 0.3 else len(data)]
