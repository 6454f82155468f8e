"""Sections of a shard, which several workers pack or check at once where there are few shards."""

# Below this, starting a task and reading the rows of its shard would take as long as its samples.
_FEWEST_SAMPLES = 1000
# More sections than workers: they do not all take equally long.
_SECTIONS_A_WORKER = 2


def sections_of(samples: int, shards: int, width: int) -> int:
    """In how many sections a shard is packed or checked; in one, if there are shards enough for all workers.

    Args:
        samples: those of the shard.
        shards: how many shards there are.
        width: the number of workers.

    >>> [sections_of(samples, 3, 2) for samples in (300, 3_800, 10_000)], sections_of(10_000, 400, 16)
    ([1, 3, 4], 1)
    """
    if width == 1 or shards >= _SECTIONS_A_WORKER * width:
        return 1
    return max(1, min(_SECTIONS_A_WORKER * width, samples // _FEWEST_SAMPLES))


def section_of(samples: int, number: int, count: int) -> tuple[int, int]:
    """The first sample of a section, and the one after its last.

    >>> [section_of(10, number, 3) for number in range(3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    return samples * number // count, samples * (number + 1) // count
