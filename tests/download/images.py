"""Running eol-images on a few addresses, quickly."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from treeoflife.config.config import Config
from treeoflife.core.progress import SilentListener
from treeoflife.download.lists.eol_images import download_eol_images

PICTURE = b"\xff\xd8\xff\xe0\x00\x10" + bytes(14) + b"picture" * 9 + b"\xff\xd9"


def fetch_images(
    root: Path, *urls: str, stall_seconds: float = 0.3, wait_seconds: float = 0.001, **rules: object
) -> list[tuple[str | None, str | None]]:
    """The reason and the detail of each address, in their order, as the ledger has them."""
    folder = root / "metadata/eol"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "media_manifest_1.csv").open("w", newline="") as fd:
        csv.writer(fd).writerows([n, 7, "", url, "", ""] for n, url in enumerate(urls, 1))
    images = {"per_second": 0, "per_host": 8, "tries": 2} | rules
    download = {"images": images, "wait_seconds": wait_seconds, "stall_seconds": stall_seconds}
    config = Config.model_validate({"sources": {}, "engine": {"name": "serial"}, "download": download})
    download_eol_images(config, root, SilentListener())
    ledger = pl.read_parquet(root / "eol/ledger/image_set_01.parquet")
    return list(zip(ledger["reason"], ledger["detail"], strict=True))


def reasons(root: Path, *urls: str, **rules: object) -> list[str | None]:
    """The reason of each address, in their order."""
    return [reason for reason, _ in fetch_images(root, *urls, **rules)]  # type: ignore[arg-type]
