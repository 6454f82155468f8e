"""Naming images against a backbone: seconds and peak memory of reading a checklist, and of naming with it.

    python benchmarks/backbone.py [NAMES [IMAGES]]     # five million names, of which two million are synonyms, and
                                                       # ten million images of 450,000 taxa

The backbone is drawn in the form in which ChecklistBank exports the Catalogue of Life (ColDP, a zip), the same bytes
each time. Each step runs in a process of its own, so that its peak memory is its own; BACKBONE_MEMORY_GB is DuckDB's
share of it. The budget: 4 minutes and 3 GB together on two cores, 1.5 GB for the reading.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import duckdb

from treeoflife.config.base import Model
from treeoflife.config.paths import Paths
from treeoflife.config.tables import Images, Names
from treeoflife.core.database import Database, open_database
from treeoflife.mapping.images import open_images
from treeoflife.selection import marks
from treeoflife.sources.base import Source
from treeoflife.taxonomy.checklists.files import open_checklist
from treeoflife.taxonomy.naming import NameFiles, resolve_names
from treeoflife.taxonomy.parsing.parsers import make_parser

NAMES, IMAGES, TAXA = 5_000_000, 10_000_000, 450_000
MEMORY_GB = float(os.environ.get("BACKBONE_MEMORY_GB", "1"))
SYNONYMS = 0.4
LEVELS = {"phylum": 30, "class": 150, "order": 1_500, "family": 15_000, "genus": 240_000}
"""The number of taxa at each rank, at five million names."""
KINGDOMS = ("Animalia", "Plantae", "Fungi")

COLUMNS = (
    "ID alternativeID sourceID parentID basionymID status scientificName authorship rank notho uninomial genericName "
    "infragenericEpithet specificEpithet namePhrase nameReferenceID publishedInYear code nameStatus referenceID "
    "scrutinizerDate extinct environment species genus family order class phylum kingdom link remarks"
).split()
ENDINGS = {"phylum": "phyta", "class": "opsida", "order": "ales", "family": "idae", "genus": "us"}


def word(number: str) -> str:
    """SQL for the letters of a number."""
    return f"translate(({number})::VARCHAR, '0123456789', 'aeioubdlmn')"


def name(rank: str, number: str) -> str:
    """SQL for the name of a taxon above the species."""
    letter = {"phylum": "P", "class": "C", "order": "O", "family": "F", "genus": "G"}[rank]
    return f"'{letter}' || {word(number)} || '{ENDINGS[rank]}'"


def usages(total: int) -> str:
    """SQL for the rows of NameUsage: id, parent, status, name, author and rank."""
    counts = {rank: max(3, count * total // NAMES) for rank, count in LEVELS.items()}
    synonyms = int(total * SYNONYMS)
    species = total - synonyms - sum(counts.values()) - len(KINGDOMS)
    parts = [
        f"SELECT 'k{number}' AS id, '' AS parent, 'accepted' AS status, '{one}' AS name, '' AS author, "
        f"'kingdom' AS \"rank\", 0 AS line"
        for number, one in enumerate(KINGDOMS)
    ]
    above, count_above = "k", len(KINGDOMS)
    for rank, count in counts.items():
        parts.append(
            f"SELECT '{rank[0]}' || n, '{above}' || n % {count_above}, 'accepted', {name(rank, 'n')}, '', '{rank}', n "
            f"FROM range({count}) AS r(n)"
        )
        above, count_above = rank[0], count
    parts.append(
        f"SELECT 's' || n, 'g' || n % {count_above}, 'accepted', {binomial(f'n % {count_above}', 'n')}, "
        f"'(Smith & Jones, 19' || lpad((n % 99)::VARCHAR, 2, '0') || ')', 'species', n FROM range({species}) AS r(n)"
    )
    other = binomial(f"(n * 11) % {count_above}", f"n + {total}")
    parts.append(
        f"SELECT 'y' || n, 's' || n * 7 % {species}, 'synonym', {other}, "
        f"'Brown, 1890', 'species', n FROM range({synonyms}) AS r(n)"
    )
    return " UNION ALL ".join(parts)


def binomial(genus: str, species: str) -> str:
    """SQL for the name of a species."""
    return f"{name('genus', genus)} || ' ' || {word(species)} || 'is'"


def draw(folder: Path, total: int, images: int) -> None:
    """The checklist, as a zip, and a mapping of the images."""
    given = {
        "ID": "id", "parentID": "parent", "status": "status", "scientificName": "name", "authorship": "author",
        "rank": "rank", "sourceID": "'1144'", "nameReferenceID": "md5(id)", "code": "'zoological'",
        "link": "'https://example.org/taxon/' || md5(name)", "extinct": "'false'", "publishedInYear": "'1900'",
    }  # fmt: skip
    columns = ", ".join(f'{given.get(one, chr(39) * 2)} AS "col:{one}"' for one in COLUMNS)
    options = r"FORMAT csv, DELIMITER '\t', HEADER, QUOTE ''"
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(f"COPY (SELECT {columns} FROM ({usages(total)})) TO '{folder}/NameUsage.tsv' ({options})")
        connection.execute(
            f"COPY (SELECT 's' || n * 3 AS \"col:taxonID\", 'common ' || {word('n')} AS \"col:name\", "
            f"if(n % 3 = 0, 'eng', 'deu') AS \"col:language\" FROM range({total // 10}) AS r(n)) "
            f"TO '{folder}/VernacularName.tsv' ({options})"
        )
        connection.execute(f"""
            COPY (
                SELECT 'observations' AS source, md5(n::VARCHAR) AS treeoflife_id, false AS is_val,
                    false AS is_train_small, n AS number
                FROM range({images}) AS r(n)
                ORDER BY treeoflife_id
            ) TO '{folder}/mapping.parquet' (FORMAT parquet)
        """)
    with zipfile.ZipFile(folder / "backbone.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in ("NameUsage.tsv", "VernacularName.tsv"):
            archive.write(folder / file, file)
            (folder / file).unlink()


class Observations(Source):
    """A source of images, each with a label of its own, of which many are the same."""

    Settings: ClassVar[type[Model]] = Model
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"number": int}
    key: ClassVar[tuple[str, ...]] = ("number",)
    listed_as: ClassVar[str] = "{number}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, total: int, images: int) -> None:
        self.name, self.catalog = "observations", ("number",)
        self._total, self._images = total, images

    def label_table(self, database: Database) -> bool:
        """Labels of TAXA taxa: most are species with an author, one in ten a synonym, one in twenty a genus."""
        nothing = ", ".join(f"'' AS \"{rank}\"" for rank in ("phylum", "class", "order", "family", "genus", "species"))
        step = max(1, self._total // TAXA)
        database.make("drawn", f"SELECT id, name, author FROM ({usages(self._total)}) WHERE id[1] IN ('s', 'y', 'g')")
        database.make(
            "taxon",
            f"""
            SELECT name || ' ' || author AS label, (row_number() OVER (ORDER BY id) - 1)::BIGINT AS number
            FROM drawn
            WHERE id LIKE 'g%' AND id[2:]::BIGINT % 10 = 0 OR id NOT LIKE 'g%' AND id[2:]::BIGINT % {step} = 1
        """,
        )
        taxa = database.value("SELECT count(*) FROM taxon")
        database.make(
            "image_label",
            f"""
            SELECT image.number, 'Animalia' AS kingdom, {nothing}, label AS scientific_name, '' AS common_name
            FROM (SELECT n AS number, n * 7919 % {taxa} AS taxon FROM range({self._images}) AS r(n)) AS image
            JOIN taxon ON image.taxon = taxon.number
        """,
        )
        return True


def read(folder: Path) -> str:
    """Read the checklist, which is then kept in the cache."""
    with open_database(folder / "scratch", MEMORY_GB) as database:
        checklist = open_checklist("col", folder / "backbone.zip", folder / "kept", database, make_parser("gnparser"))
        return f"{checklist.tables[0].used:,} names"


def name_images(folder: Path, total: int, images: int) -> str:
    """Name the images."""
    paths, source = Paths(folder / "out", Images()), Observations(total, images)
    files = NameFiles(
        names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv, lookups=paths.naming,
        scientific_to_common=paths.scientific_to_common, predicted_catalog=paths.predicted_catalog,
        verifier_cache=paths.verifier_cache, checklists=folder / "kept",
    )  # fmt: skip
    names = Names(checklists={"col": folder / "backbone.zip"}, built_in=True)
    with open_database(folder / "scratch", MEMORY_GB) as database:
        open_images(database, folder / "mapping.parquet", [source])
        marks.load_marks(database, marks.read(folder / "no-marks.csv"))
        report = resolve_names(names, [source], database, files)
    return f"{report.names:,} names of images, {report.findings:,} findings"


STEPS = {"draw": draw, "read": read, "name": name_images}


def main(total: int, images: int) -> None:
    """Print a line for each step."""
    with TemporaryDirectory() as folder:
        for step, words in (("draw", [total, images]), ("read", []), ("name", [total, images])):
            environment = os.environ | {"XDG_CACHE_HOME": str(Path(folder) / "cache")}
            given = [sys.executable, __file__, "--step", step, folder, *map(str, words)]
            subprocess.run(given, check=True, env=environment)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        started = time.perf_counter()
        done = STEPS[sys.argv[2]](Path(sys.argv[3]), *map(int, sys.argv[4:]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(
            f"{sys.argv[2]}: {done or 'done'}, {time.perf_counter() - started:.1f} s, "
            f"{used.ru_utime + used.ru_stime:.1f} s of CPU, peak {used.ru_maxrss / 1024:,.0f} MB",
            flush=True,
        )
    else:
        main(*([int(one) for one in sys.argv[1:]] + [NAMES, IMAGES][len(sys.argv) - 1 :]))
