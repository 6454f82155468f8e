"""Names of a synthetic taxon.tab: seconds, rows per second and peak memory, at several sizes.

    python benchmarks/names.py [ROWS ...]

The tree has deep chains of unranked nodes, holes at every rank, synonyms, orphans and cycles; every species' page has
an image; ITIS knows a tenth of the species. Each size runs in a process of its own, so that its peak memory is its own.
The budget: a million rows in 120 s on two cores with less than 2 GB, at a flat cost per row.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

HEADER = (
    "taxonID source furtherInformationURL acceptedNameUsageID parentNameUsageID scientificName taxonRank "
    "taxonomicStatus datasetID canonicalName authority eolID Landmark higherClassification"
).split()
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")


def word(number: int) -> str:
    """A Latin-looking word, another for every number."""
    letters = []
    number += 7
    while number:
        number, at = divmod(number, 60)
        letters.append("bcdfglmnprst"[at % 12] + "aeiou"[at // 12])
    return "".join(letters)


def line(node: str, parent: str, name: str, rank: str, author: str = "", accepted: str = "", page: str = "") -> str:
    """A row of taxon.tab."""
    values = dict.fromkeys(HEADER, "") | {
        "taxonID": node, "parentNameUsageID": parent, "scientificName": f"{name} {author}".strip(), "taxonRank": rank,
        "canonicalName": name, "authority": author, "acceptedNameUsageID": accepted, "eolID": page,
    }  # fmt: skip
    return "\t".join(values[column] for column in HEADER) + "\n"


def chain(number: int) -> Iterator[tuple[str, str]]:
    """The ranks and names above the genus of that number."""
    kingdom = number % 3
    parts = [("Metazoa", "Archaeplastida", "Fungi")[kingdom]]
    for rank, divisor in zip(RANKS[1:5], (40_000, 8_000, 1_000, 50), strict=True):
        parts.append(f"{word(number // divisor).capitalize()}{rank[:2]}{'aeo'[kingdom]}")
    for rank, name in zip(RANKS, parts, strict=False):
        if rank == "kingdom" or (number // 50 * 31 + len(name)) % 7:
            yield rank, name


def write(folder: Path, rows: int) -> None:
    """taxon.tab with that many rows, and an ITIS for a tenth of its species."""
    rng, made, nodes = random.Random(rows), 0, {}
    with (folder / "taxon.tab").open("w") as tree, (folder / "itis.csv").open("w") as itis:
        tree.write("\t".join(HEADER) + "\n")
        itis.write(
            "terminal_tsn,terminal_scientific_name,terminal_vernacular,terminal_vernacular_lang,"
            + ",".join(map(str.capitalize, RANKS))
            + "\n"
        )
        genus = 0
        while made < rows:
            parent, above = "", dict(chain(genus))
            for rank, name in above.items():
                key = (rank, name, parent)
                if key not in nodes:
                    made += 1
                    nodes[key] = f"E{made}"
                    tree.write(line(nodes[key], parent, name, rank, page=str(made)))
                parent = nodes[key]
            for _ in range(40 if genus % 500 == 0 else rng.randrange(3)):  # a deep chain of unranked nodes
                made += 1
                tree.write(line(f"E{made}", parent, f"{word(made)} clade", ""))
                parent = f"E{made}"
            name = word(genus).capitalize()
            made += 1
            home = f"E{made}"
            tree.write(
                line(
                    home,
                    f"E{made + 1}" if genus % 5000 == 7 else "gone" if genus % 300 == 5 else parent,
                    name,
                    "genus",
                    page=str(made),
                )
            )
            for at in range(rng.randrange(2, 14)):
                made += 1
                species = f"{name} {word(at * 13 + genus % 97)}us"
                tree.write(line(f"E{made}", home, species, "species", "(Smith, 1900)", page=str(made)))
                if at % 4 == 0:
                    made += 1
                    tree.write(
                        line(f"S{made}", "", f"{name} {word(at + 500)}a", "species", "Jones", accepted=f"E{made - 1}")
                    )
                if at % 10 == 3:
                    full = [
                        {"Metazoa": "Animalia", "Archaeplastida": "Plantae"}.get(above["kingdom"], "Fungi"),
                        *(above.get(rank, "") for rank in RANKS[1:5]),
                    ]
                    itis.write(f"{made},{species},name {made},English,{','.join(full)},{name},{species}\n")
            genus += 1


def run(folder: Path) -> tuple[int, float]:
    """Name every page; returns how many and the seconds."""
    import polars as pl

    from treeoflife.config.tables import Names
    from treeoflife.sources.registry import load_source
    from treeoflife.taxonomy import naming
    from treeoflife.taxonomy.parsing.parsers import make_parser
    from treeoflife.taxonomy.providers import authorities
    from treeoflife.taxonomy.resolving import evidence

    started = time.perf_counter()
    parser = make_parser("gnparser")
    names = Names(eol_tree=folder / "taxon.tab", itis=folder / "itis.csv")
    taxonomies = authorities.load(names, parser)
    assert taxonomies.eol_nodes is not None
    pages = taxonomies.eol_nodes.filter(pl.col("page") != "").select(name_key="page")
    rows = evidence.of_pages(load_source("eol", {"path": folder}, folder), pages, taxonomies.eol_nodes, None, parser)
    named, _ = naming.name_evidence(rows, taxonomies, names.common_authorities)
    named.write_parquet(folder / "names.parquet")
    return len(named), time.perf_counter() - started


def main(sizes: list[int]) -> None:
    """Print a line per size."""
    for rows in sizes:
        with TemporaryDirectory() as folder:
            write(Path(folder), rows)
            subprocess.run([sys.executable, __file__, "--in", folder, str(rows)], check=True)


if __name__ == "__main__":
    if "--in" in sys.argv:
        pages, seconds = run(Path(sys.argv[2]))
        rows, peak = int(sys.argv[3]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{rows} rows, {pages} pages: {seconds:.1f} s, {1e6 * seconds / rows:.1f} µs a row, peak {peak:.0f} MB",
            flush=True,
        )
    else:
        main([int(size) for size in sys.argv[1:]] or [100_000, 300_000, 1_000_000])
