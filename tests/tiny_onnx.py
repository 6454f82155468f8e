"""Tiny networks as ONNX files, written by hand: a few messages of protobuf, as onnx.proto of the ONNX project has them.

The numbers of fields are those of that file. So the tests need no package that writes models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FLOAT, UINT8, INT64, FLOAT16 = 1, 2, 7, 10
Side = int | str


def number(field: int, value: int) -> bytes:
    """A whole number as a field."""
    return varint(field << 3) + varint(value)


def block(field: int, data: bytes | str) -> bytes:
    """A text, or a message, as a field."""
    raw = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(raw)) + raw


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # as protobuf writes negative numbers
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes(digits) + bytes([value])


def node(kind: str, inputs: Sequence[str], output: str, **attributes: int | Sequence[int]) -> bytes:
    """An operation; attributes are whole numbers or lists of them."""
    parts = [block(1, one) for one in inputs] + [block(2, output), block(4, kind)]
    for name, value in attributes.items():
        if isinstance(value, int):
            body = number(3, value) + number(20, 2)
        else:
            body = b"".join(number(8, one) for one in value) + number(20, 7)
        parts.append(block(5, block(1, name) + body))
    return b"".join(parts)


def tensor(name: str, values: np.ndarray) -> bytes:
    """A constant."""
    kind = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}[values.dtype]
    return (
        b"".join(number(1, side) for side in values.shape)
        + number(2, kind)
        + block(8, name)
        + block(9, values.tobytes())
    )


def value(name: str, shape: Sequence[Side] | None, kind: int) -> bytes:
    """An input or output."""
    sides = b"".join(block(1, number(1, one) if isinstance(one, int) else block(2, one)) for one in shape or ())
    body = number(1, kind) + (block(2, sides) if shape is not None else b"")
    return block(1, name) + block(2, block(1, body))


@dataclass(frozen=True)
class Network:
    """What is in a model: inputs and outputs with their shapes and kinds, operations, constants."""

    inputs: Mapping[str, tuple[Sequence[Side], int]]
    outputs: Mapping[str, tuple[Sequence[Side] | None, int]]
    nodes: Sequence[bytes]
    constants: Sequence[bytes] = ()


def write(path: Path, network: Network, **metadata: str) -> Path:
    """Write a model with these metadata; returns its path."""
    graph = b"".join(block(1, one) for one in network.nodes) + block(2, "tiny")
    graph += b"".join(block(5, one) for one in network.constants)
    graph += b"".join(block(11, value(name, *one)) for name, one in network.inputs.items())
    graph += b"".join(block(12, value(name, *one)) for name, one in network.outputs.items())
    props = b"".join(block(14, block(1, name) + block(2, text)) for name, text in metadata.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(number(1, 8) + block(7, graph) + block(8, number(2, 17)) + props)
    return path


def thumbnail(path: Path, side: int = 224, batch: Side = "batch", cells: int = 4, **metadata: str) -> Path:
    """A model whose vector is the image, averaged over ``cells`` x ``cells`` squares: 48 numbers for 4 x 4."""
    pool = side // cells
    network = Network(
        {"images": ([batch, 3, side, side], FLOAT)},
        {"cells": ([batch, 3, cells, cells], FLOAT), "vector": ([batch, 3 * cells * cells], FLOAT)},
        [
            node("AveragePool", ["images"], "cells", kernel_shape=[pool, pool], strides=[pool, pool]),
            node("Flatten", ["cells"], "vector", axis=1),
        ],
    )
    return write(path, network, **metadata)
