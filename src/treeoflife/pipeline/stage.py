"""What a stage tells of itself, and how it compares what it made with what it would make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..images.store import read_meta
from .run import Run


@dataclass(frozen=True)
class State:
    """How far a stage is.

    Attributes:
        done: outputs that are up to date.
        remaining: outputs that are not, or not there.
        why: the reasons, the commonest first, each with its count.
    """

    done: int
    remaining: int
    why: tuple[str, ...] = ()

    @property
    def fresh(self) -> bool:
        """Whether there is nothing to do."""
        return not self.remaining


def state(reasons: Iterable[str | None]) -> State:
    """The state of a stage, given for each of its outputs why it is to be made; None where it is up to date."""
    every = list(reasons)
    counted = Counter(reason for reason in every if reason)
    why = tuple(f"{reason} ({count})" if count > 1 else reason for reason, count in counted.most_common(5))
    return State(every.count(None), len(every) - every.count(None), why)


def for_both(run: Run, parquet: Path) -> str | None:
    """Why a table that is written for people and for programs is to be made; None if both are as they were written."""
    meta, csv = read_meta(parquet), parquet.with_suffix(".csv")
    if meta is None:
        return "not made yet"
    if not csv.exists() or run.known.sha256(csv) != meta.get("csv"):
        return f"{csv.name} is not the one that was written"
    return None
