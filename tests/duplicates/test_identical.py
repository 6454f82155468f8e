"""Images are called the same file, or the same pixels, if their whole digests agree."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest
from planted import configure, plant

from helpers import built, cli
from treeoflife.images.store import write_index
from treeoflife.selection.duplicates import find, groups

SAME, ALIKE, OTHER = b"\1" * 32, b"\1" * 8 + b"\2" * 24, b"\3" * 32
NEARLY = b"\1" * 31 + b"\0"


def _store(folder: Path, digests: list[list[tuple[bytes, bytes]]]) -> find.StoredImages:
    """A store of containers whose images have these digests: of the file, and of the encoded image."""
    containers = []
    for number, images in enumerate(digests):
        files, pixels = zip(*images, strict=True)
        rows = pl.DataFrame({
            "position": pl.Series(range(len(images)), dtype=pl.UInt32),
            "file": [f"{one}.jpg" for one in range(len(images))],
            "offset": pl.Series(range(len(images)), dtype=pl.UInt64),
            "size": pl.Series([1] * len(images), dtype=pl.UInt32),
            "source_sha256": list(files), "sha256": list(pixels),
            "pdq": [hashlib.sha256(one).digest() for one in files],
        })  # fmt: skip
        write_index(folder / f"{number}.parquet", rows, {})
        containers.append(
            find.StoredContainer("one", str(number), folder / f"{number}.tar", folder / f"{number}.parquet")
        )
    return find.read_store(containers)


def _linked(images: find.StoredImages) -> dict[str, list[tuple[int, int]]]:
    pairs = {
        links.kind: zip(links.first.tolist(), links.second.tolist(), strict=True)
        for links in find.link_identical(images)
    }
    return {kind: sorted(ends) for kind, ends in pairs.items()}


def test_digests_that_agree_in_64_bits_only_are_not_the_same(tmp_path: Path) -> None:
    """Of files and of pixels, in one container and in two."""
    images = _store(tmp_path, [[(OTHER, ALIKE), (SAME, OTHER), (ALIKE, SAME)], [(SAME, NEARLY), (NEARLY, SAME)]])
    assert _linked(images) == {"bytes": [(1, 3)], "pixels": [(2, 4)]}


def test_several_groups_may_share_64_bits(tmp_path: Path) -> None:
    """Each is linked to its own first image."""
    images = _store(tmp_path, [[(SAME, SAME), (ALIKE, ALIKE)], [(ALIKE, ALIKE), (SAME, SAME), (ALIKE, ALIKE)]])
    assert _linked(images) == {"bytes": [(0, 3), (1, 2), (1, 4)], "pixels": [(0, 3), (1, 2), (1, 4)]}
    members = groups.group_rows(len(images), find.link_identical(images))
    assert members.select("row", "group").rows() == [(0, 0), (3, 0), (1, 1), (2, 1), (4, 1)]


def test_an_image_whose_pixels_agree_in_64_bits_only_is_compared_too(tmp_path: Path) -> None:
    """It was left out of the search for near hashes, as a copy."""
    images = _store(tmp_path, [[(SAME, SAME), (ALIKE, ALIKE), (SAME, SAME)]])
    identical = find.link_identical(images)
    pairs = find.find_candidates(images, 64, identical)
    assert 2 not in {*pairs.first.tolist(), *pairs.second.tolist()}
    near = _store(tmp_path, [[(SAME, SAME), (SAME, ALIKE)]])
    assert len(find.find_candidates(near, 64, find.link_identical(near))) == 1


def test_a_store_without_images_has_no_links(tmp_path: Path) -> None:
    assert _linked(find.read_store([])) == {"bytes": [], "pixels": []}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("identical")
    plant(root, originals=8, copies=0)
    built(configure(root, root / "out"))
    return root


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_leak_by_bytes_has_the_whole_digest(whole: Path, tmp_path: Path, form: str) -> None:
    """A digest with the same beginning is another file; several of them hide no real one."""
    digests = [hashlib.sha256((whole / f"one/p{number:03d}.jpg").read_bytes()).digest() for number in range(3)]
    rows = {
        "file_name": ["alike", "real", "nearly"],
        "sha256": [digests[0][:8] + bytes(24), digests[1], digests[2][:31] + b"\0"],
    }
    table = pl.DataFrame(rows)
    if form == "csv":
        table.with_columns(pl.col("sha256").bin.encode("hex")).write_csv(tmp_path / "list.csv")
    else:
        table.write_parquet(tmp_path / "list.parquet")
    done = cli("leaks", "--against", tmp_path / f"list.{form}", "--config", whole / "out/dataset.toml")
    assert done.returncode == 1, done.stderr
    leaks = pl.read_parquet(whole / "out/leaks/list.parquet")
    assert leaks.select("file", "image", "link").rows() == [("p001.jpg", "real", "bytes")]
