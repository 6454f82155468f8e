"""Writes the results of queries like those of the stages, to compare their bytes: between threads, limits and versions.

python tests/core/database_samples.py FOLDER THREADS MEMORY_GB [ROWS]

It prints the SHA-256 of each file, and the largest size of what went to the scratch folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from pathlib import Path

import polars as pl

from treeoflife.core.database import open_database, quoted

ROWS = 300_000
WORDS = [
    *("Épée", "épée", "Zebra", "zebra", "Ærø", "ß", "ẞ", "İ", "ı", "😀", "木", "a\u0301", "á"),
    *("", "'", '"', "a\nb", "a,b", "=1+1", "×", " a "),
]
NAMES = ", ".join(quoted(word) for word in WORDS)
IMAGES = f"""
    SELECT number::BIGINT AS number, md5(number::VARCHAR) AS id, 'Genus' || (number * 7919 % 5000) AS genus,
        [{NAMES}, NULL][1 + number * 31 % {len(WORDS) + 1}] AS name, (number * 104729 % 1000)::INTEGER / 8 AS score,
        number % 3 = 0 AS is_val, repeat('x', (number % 60)::INTEGER) AS text
    FROM range($rows) AS numbers(number)
"""
QUERIES = {
    "shuffle": "SELECT * FROM image ORDER BY md5('17' || id), id",
    "split": """
        SELECT id, substr(md5('17' || id), 1, 8) < '19999999' AS is_val, sha256(id) AS digest FROM image ORDER BY id
    """,
    "join": """
        SELECT image.id, image.name, taxon.common FROM image LEFT JOIN taxon USING (genus) ORDER BY image.id
    """,
    "self-join": """
        SELECT one.id, other.text FROM image AS one JOIN image AS other ON one.id = other.id ORDER BY one.id
    """,
    "window": """
        SELECT id, genus, row_number() OVER (PARTITION BY genus ORDER BY md5('17' || id), id) AS position
        FROM image ORDER BY genus, position
    """,
    "groups": """
        SELECT genus, count(*) AS images, sum(number)::BIGINT AS total, min(id) AS first, count(DISTINCT name) AS names,
            list(id ORDER BY id)[:3] AS ids
        FROM image GROUP BY genus ORDER BY genus
    """,
    "texts": """
        SELECT DISTINCT name, lower(name) AS lower, upper(name) AS upper, length(name) AS letters,
            regexp_replace(name, '[^a-zA-Z]+', '_', 'g') AS plain, trim(name) AS trimmed,
            regexp_matches(name, '^\\w+$') AS is_word, string_split(name, ',') AS parts
        FROM image ORDER BY name NULLS FIRST
    """,
    "anti-join": """
        SELECT id, name IS NOT DISTINCT FROM NULL AS is_unnamed FROM image
        WHERE NOT EXISTS (FROM taxon WHERE taxon.genus = image.genus AND taxon.number % 7 = 0) ORDER BY id
    """,
    "empty": "SELECT id, name, score FROM image WHERE number < 0 ORDER BY id",
}


def write_samples(folder: Path, threads: int, memory_gb: float, rows: int = ROWS) -> dict[str, str]:
    """Write a Parquet file and a CSV file for each query; returns the SHA-256 of each file."""
    folder.mkdir(parents=True)
    with open_database(folder / "scratch", memory_gb, threads) as database:
        taxa = [(f"Genus{number}", f"Common {number}", number) for number in range(4000)]
        database.load("taxon", pl.DataFrame(taxa, ["genus", "common", "number"], orient="row"))
        database.make("image", IMAGES, rows=rows)
        for name, sql in QUERIES.items():
            database.write(folder / f"{name}.parquet", sql, {"query": name})
            if "list(" not in sql and "string_split" not in sql:  # CSV has no lists
                database.write_csv(folder / f"{name}.csv", sql)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def watch(folder: Path, done: threading.Event) -> list[int]:
    """The largest size, in bytes, of what DuckDB put into the scratch folder, as a list that grows."""
    sizes = [0]

    def look() -> None:
        while not done.wait(0.01):
            for path in folder.glob("scratch/*/duckdb_temp*"):
                try:
                    sizes.append(max(sizes[-1], path.stat().st_size))
                except FileNotFoundError:
                    continue

    threading.Thread(target=look, daemon=True).start()
    return sizes


def main() -> None:
    """Write the files, and print their hashes."""
    folder, threads, memory = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    done = threading.Event()
    sizes = watch(folder, done)
    hashes = write_samples(folder, threads, memory, *map(int, sys.argv[4:]))
    done.set()
    print(json.dumps({"hashes": hashes, "spilled": max(sizes)}))


if __name__ == "__main__":
    main()
