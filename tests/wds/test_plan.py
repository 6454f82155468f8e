"""Shards keep their limits, evenly filled, none empty."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from treeoflife.config.tables import Wds
from treeoflife.shards.plan import shard_bounds


@given(st.lists(st.integers(1, 80_000), max_size=300), st.integers(1, 50), st.integers(1, 20))
def test_shards_keep_their_limits(sizes: list[int], max_samples: int, min_shards: int) -> None:
    """Of samples, of bytes including the end of the archive, of shards; and shards differ by at most one sample."""
    settings = Wds(max_samples=max_samples, max_bytes=100_000)
    pieces = [np.array(sizes[start : start + 7], dtype=np.int64) for start in range(0, len(sizes), 7)]
    bounds = shard_bounds(lambda: iter(pieces), settings, min_shards)
    counts = np.diff(bounds)
    assert bounds[0] == 0
    assert bounds[-1] == len(sizes)
    assert len(counts) >= min(min_shards, len(sizes))
    if sizes:
        assert counts.min() >= 1
        assert counts.max() <= max_samples
        assert counts.max() - counts.min() <= 1
        assert max(sum(sizes[a:b]) for a, b in pairwise(bounds)) + 10240 <= 100_000
