"""What a stage tells of itself, and how it compares what it made with what it would make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset import Run
from ..images.store import read_meta


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


def difference(recorded: Any, wanted: Any, name: str = "") -> str | None:
    """In what an output's record of its inputs differs from what it would be made from now; None if in nothing.

    >>> difference({"images": {"quality": 90}}, {"images": {"quality": 100}})
    'images.quality changed from 90 to 100'
    """
    if recorded == wanted:
        return None
    if isinstance(recorded, dict) and isinstance(wanted, dict):
        for key in sorted({*recorded, *wanted}):
            if found := difference(recorded.get(key), wanted.get(key), f"{name}.{key}" if name else str(key)):
                return found
    if recorded is None:
        return f"{name} is new" if name else "not made yet"
    if any(isinstance(value, str) and len(value) == 64 for value in (recorded, wanted)):
        return f"{name} changed"
    return f"{name} changed from {_short(recorded)} to {_short(wanted)}"


def for_both(run: Run, parquet: Path) -> str | None:
    """Why a table that is written for people and for programs is to be made; None if both are as they were written."""
    meta, csv = read_meta(parquet), parquet.with_suffix(".csv")
    if meta is None:
        return "not made yet"
    if not csv.exists() or run.known.sha256(csv) != meta.get("csv"):
        return f"{csv.name} is not the one that was written"
    return None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else text[:57] + "…"
