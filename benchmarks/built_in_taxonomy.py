"""The built-in taxonomy against species of ITIS and the Catalogue of Life: where they differ, rank by rank.

python benchmarks/built_in_taxonomy.py [ITIS.csv.gz COL.csv.gz]     # by default those of TREEOFLIFE_WORLD/taxonomy

Each genus with its lineage in a list is compared with the genus of that name in the built-in taxonomy; of homonyms,
with the one that agrees at the highest ranks. Differences are those between two names; an empty rank is none.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

import polars as pl

from treeoflife.taxonomy.checklists.built_in import BUILT_IN

RANKS = ("kingdom", "phylum", "class", "order", "family")
SHOWN = 8


def read_genera() -> dict[str, list[dict[str, str]]]:
    """The built-in genera by name."""
    table = pl.read_parquet(BUILT_IN.names, glob=False).filter(pl.col("rank") == "genus")
    genera: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in table.iter_rows(named=True):
        genera[row["name"]].append(row)
    return genera


def read_list(path: Path) -> pl.DataFrame:
    """The genera of a list, each lineage once."""
    table = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False).fill_null("")
    return table.filter(pl.col("genus") != "").unique([*RANKS, "genus"], maintain_order=True)


def compare(path: Path, genera: dict[str, list[dict[str, str]]]) -> None:
    """Print how many genera of a list are known, and where they are placed otherwise."""
    listed = read_list(path)
    differences: dict[str, Counter[tuple[str, str]]] = {rank: Counter() for rank in RANKS}
    empty: Counter[str] = Counter()
    found = 0
    for row in listed.iter_rows(named=True):
        if not (candidates := genera.get(row["genus"])):
            continue
        found += 1
        best = max(candidates, key=lambda one: [one[rank] == row[rank] for rank in RANKS])
        for rank in RANKS:
            empty[rank] += bool(row[rank]) and not best[rank]
            if row[rank] and best[rank] and row[rank] != best[rank]:
                differences[rank][best[rank], row[rank]] += 1
    print(f"{path.name}: {found:,} of {listed.height:,} genera are known")
    for rank, pairs in differences.items():
        most = ", ".join(f"{ours} for {theirs} {count}" for (ours, theirs), count in pairs.most_common(SHOWN))
        print(f"  {rank}: {pairs.total():,} differ ({pairs.total() / found:.1%}), {empty[rank]} empty; {most}")


def main(paths: list[Path]) -> None:
    """Compare the built-in taxonomy with lists."""
    genera = read_genera()
    for path in paths:
        compare(path, genera)


if __name__ == "__main__":
    world = Path(os.environ.get("TREEOFLIFE_WORLD", ".")) / "taxonomy"
    main([Path(one) for one in sys.argv[1:]] or [world / f"{one}_species.csv.gz" for one in ("itis", "col")])
