"""Digests are kept as long as a file does not change."""

from __future__ import annotations

import os
from pathlib import Path

from treeoflife.core.files import sha256, stamp
from treeoflife.core.hash_cache import HashCache


def test_a_cached_file_is_hashed_again_after_it_changed(tmp_path: Path) -> None:
    """By size, time or inode: a name alone is never trusted."""
    path, cache = tmp_path / "a", HashCache(tmp_path / "known.sqlite")
    path.write_bytes(b"one")
    assert cache.sha256(path) == sha256(path)
    path.write_bytes(b"two")
    assert cache.sha256(path) == sha256(path)
    when = path.stat().st_mtime_ns
    other = tmp_path / "b"
    other.write_bytes(b"six")
    os.utime(other, ns=(when, when))
    before = stamp(path)
    other.replace(path)
    assert stamp(path) != before
    assert cache.sha256(path) == sha256(path)
    cache.close()


def test_an_unchanged_file_is_not_hashed_again(tmp_path: Path) -> None:
    """What is on record is used, also by the next run."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    cache = HashCache(tmp_path / "known.sqlite")
    cache.put(str(path), stamp(path), "on record")
    cache.close()
    again = HashCache(tmp_path / "known.sqlite")
    assert again.sha256(path) == "on record"
    again.close()


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    """It is a cache."""
    (tmp_path / "known.sqlite").write_bytes(b"rubbish" * 1000)
    cache = HashCache(tmp_path / "known.sqlite")
    assert cache.get("a", "b") is None
    cache.close()
