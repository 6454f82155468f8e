"""An image in any format that the decoder reads is fetched; what only begins a little like one is not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from treeoflife.images.convert import FORMATS

from .images import reasons
from .raw import raw_server, response


def saved(name: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert(mode).save(out, name, **options)
    return out.getvalue()


# HEIC is fetched also where the extra that decodes it is not installed; the ledger of a build then says so.
WHOLE = {name: saved(name) for name in FORMATS} | {
    "BigTIFF": saved("TIFF", big_tiff=True), "a JPEG 2000 code stream": saved("JPEG2000", no_jp2=True),
    "PGM": saved("PPM", "L"), "PBM": saved("PPM", "1"), "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
}  # fmt: skip


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_every_format_that_is_decoded_is_fetched(data: bytes, tmp_path: Path) -> None:
    reply = response(data)
    with raw_server(lambda path, request, to: to.sendall(reply)) as server:
        assert reasons(tmp_path, server.url + "/a", robots=False) == [None]


@pytest.mark.parametrize(
    "data", [b"\0\0\0\x20ftypisom" + bytes(99), b"Please log in", b"{}", b"P", b"RIFF0000WAVEfmt "]
)
def test_what_is_no_image_is_not_fetched(data: bytes, tmp_path: Path) -> None:
    with raw_server(lambda path, request, to: to.sendall(response(data))) as server:
        assert reasons(tmp_path, server.url + "/a", robots=False) == ["not-an-image"]
