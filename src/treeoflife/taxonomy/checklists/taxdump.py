r"""NCBI's taxonomy as it is published: ``nodes.dmp`` and ``names.dmp`` in a folder, a zip or a tar archive.

The fields of a row are divided by ``\t|\t``, and a row ends with ``\t|``. Every taxon is a node with a parent and a
rank; its names, each of a class, are in the other table (taxdump_readme.txt beside them says so). The classification is
brought to that of :mod:`.ncbi_rules`, as that of the built-in taxonomy is.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath

import polars as pl

from ...core.database import Database, columns
from ...core.delimited_stream import DelimitedStream, Field, Layout
from ...core.packed_files import PackedFiles, open_files
from ...core.tar_reader import read_members
from ...core.values import RANKS
from ...errors import InputError
from ...sources.containers.tar_archives import TAR_SUFFIXES, open_tar
from ..parsing.parsed_name import Parser
from ..providers.table_count import TableCount
from .checklist import NAMES_FILE, VERNACULARS_FILE, Checklist
from .lineages import write_names
from .ncbi_names import AT_OR_BELOW_SPECIES, Node, names_of, place
from .rows import ROWS
from .vernaculars import write_vernaculars

_NODES, _NAMES = "nodes.dmp", "names.dmp"
_FIELDS = {_NODES: {"id": 0, "parent": 1, "rank": 2}, _NAMES: {"id": 0, "name": 1, "class": 3}}
_TABLES = {_NODES: "taxdump_node", _NAMES: "taxdump_name"}
_NUMBERS = ("id", "parent")
_HIGHER = RANKS[:-1]
_ROWS_AT_ONCE = 1 << 18
# Most species are sequenced samples, such as 'Empididae sp. BOLD:ACC0167', and the names of viruses are of all kinds.
_BINOMIAL = r"^(?:Candidatus )?[A-Z][a-zëöü-]+ (?:\([A-Z][a-zë-]+\) )?(?:[x×] )?[a-zëéèïöü]{2,}(?:-[a-zëéèïöü]+)*"
_NO_BINOMIAL = r"^\S+ (?:sp|cf|aff|nr|bacterium|archaeon)\b|^\S+ .*(?:virus|viroid|phage|satellite)\b"
_NO_NAME = "of samples and others that have no scientific name"

_SCIENTIFIC = """
    SELECT id, first(name ORDER BY number) AS name
    FROM taxdump_name
    WHERE class = 'scientific name'
    GROUP BY id
"""
_ABOVE_SPECIES = """
    SELECT id, any_value(parent) AS parent, any_value("rank") AS "rank", any_value(name) AS name
    FROM taxdump_scientific
    JOIN (FROM taxdump_node WHERE NOT list_contains($below, "rank")) USING (id)
    GROUP BY id
    ORDER BY id
"""
_AUTHORS = """
    SELECT id, min_by(substr(written.name, length(own.name) + 2), number) AS author
    FROM taxdump_scientific AS own
    JOIN (FROM taxdump_name WHERE class = 'authority') AS written USING (id)
    WHERE starts_with(written.name, own.name || ' ')
    GROUP BY id
"""
_SPECIES = f"""
    SELECT
        node.id::VARCHAR AS id,
        scientific.name,
        'species' AS "rank",
        author.author,
        {columns(_HIGHER, "above")}
    FROM taxdump_scientific AS scientific
    JOIN (FROM taxdump_node WHERE "rank" = 'species') AS node ON scientific.id = node.id
    LEFT JOIN taxdump_author AS author ON node.id = author.id
    LEFT JOIN taxdump_placed AS above ON node.parent = above.id
    ORDER BY node.id, node.number
"""
_TAXA = """
    SELECT id, any_value("rank") AS "rank"
    FROM (
        FROM taxdump_higher
        UNION ALL BY NAME
        SELECT id, "rank" FROM taxdump_node WHERE "rank" = 'species'
    )
    GROUP BY id
"""
_SYNONYMS = """
    SELECT synonym.id || '-' || synonym.number AS id, synonym.name, taxon."rank", synonym.id::VARCHAR AS accepted
    FROM taxdump_taxon AS taxon
    JOIN (FROM taxdump_name WHERE class IN ('synonym', 'equivalent name')) AS synonym ON taxon.id = synonym.id
    ORDER BY synonym.number
"""
_COMMON_NAMES = """
    SELECT
        id::VARCHAR AS taxon,
        name AS common,
        'en' AS language,
        '' AS place,
        '' AS created,
        (class = 'genbank common name')::VARCHAR AS preferred,
        NULL::VARCHAR AS problem
    FROM taxdump_name
    WHERE class IN ('common name', 'genbank common name')
    ORDER BY number
"""


def is_taxdump(path: Path) -> bool:
    """Whether a folder, a zip or a tar archive holds NCBI's taxonomy.

    Raises:
        InputError: an archive cannot be read.
    """
    if _is_tar(path):
        return not _missing_in(path)
    if not path.is_dir() and path.suffix.lower() != ".zip":
        return False
    files = open_files(path)
    return all(_find(files, table) for table in _TABLES)


def taxdump_files(path: Path) -> list[Path]:
    """The files on disk that it is read from."""
    if _is_tar(path):
        return [path]
    files = open_files(path)
    return sorted(set(files.paths([one for table in _TABLES if (one := _find(files, table))])))


def write_taxdump(path: Path, name: str, folder: Path, database: Database, parser: Parser) -> Checklist:
    """Write NCBI's taxonomy as tables of Parquet: scientific names and synonyms, English common names.

    Args:
        path: for which :func:`is_taxdump` is true.
        name: what the checklist is called.
        folder: gets the tables.

    Raises:
        InputError: a table is missing or damaged.
    """
    files = open_files(_unpacked(path, database.scratch / f"taxdump-{name}") if _is_tar(path) else path)
    remarks = tuple(remark for table in _TABLES for remark in _load(files, table, database))
    names, vernaculars = folder / NAMES_FILE, folder / VERNACULARS_FILE
    counted = write_names(database, _rows(database), names, parser, source=name, file=_NAMES)
    common = write_vernaculars(database, database.pieces(_COMMON_NAMES), names, vernaculars, source=name, file=_NAMES)
    counts: tuple[TableCount, ...] = (replace(counted, remarks=(*remarks, *counted.remarks)), common)
    for table in ("node", "name", "scientific", "author", "placed", "higher", "taxon"):
        database.load(f"taxdump_{table}", pl.DataFrame(schema={"id": pl.Int64}))
    return Checklist(name, names, vernaculars, "NCBI Taxonomy", counts)


def _is_tar(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith(TAR_SUFFIXES)


def _missing_in(archive: Path) -> set[str]:
    missing = set(_TABLES)
    with open_tar(archive) as stream:
        for member in read_members(stream, -1):
            missing.discard(PurePosixPath(member.name).name)
            if not missing:
                break
    return missing


def _find(files: PackedFiles, table: str) -> str | None:
    """A table in the folder or archive itself, or in a folder of it."""
    return next((one for one in files.names if PurePosixPath(one).name == table and one.count("/") <= 1), None)


def _unpacked(archive: Path, folder: Path) -> Path:
    """A folder with the two tables of a tar archive."""
    folder.mkdir()
    with ExitStack() as opened, open_tar(archive) as stream:

        def sink_of(name: str, _size: int) -> Callable[[bytes], object] | None:
            table = folder / PurePosixPath(name).name
            if table.name not in _TABLES or table.exists():
                return None
            return opened.enter_context(table.open("wb")).write

        for _ in read_members(stream, -1, sink_of):
            pass
    return folder


def _load(files: PackedFiles, table: str, database: Database) -> list[str]:
    """Make a table known in the database; returns a remark on malformed rows, if it has any."""
    file = _find(files, table)
    if file is None:
        raise InputError(f"{files.path} has no {table}: NCBI's taxonomy is the two tables nodes.dmp and names.dmp")
    fields = _FIELDS[table]
    width = next(files.chunks(file), b"").split(b"\n", 1)[0].count(b"\t") + 1
    # Between two tabs stands a bar: every other field of this layout is one.
    layout = Layout("\t", "", "\n", "utf-8", 0, width, least_width=2 * max(fields.values()) + 1)
    stream = DelimitedStream(table, layout, {name: (Field(2 * place),) for name, place in fields.items()})
    malformed = list[str]()
    numbers = [name for name in fields if name in _NUMBERS]
    schema = pl.Schema(
        {"number": pl.Int64(), **{name: pl.String() for name in fields}, **dict.fromkeys(numbers, pl.Int64())}
    )

    def sound() -> Iterator[pl.DataFrame]:
        for frame in stream.frames(files.chunks(file)):
            rows = frame.with_columns(
                pl.col(numbers).cast(pl.Int64, strict=False), number=pl.col("line").cast(pl.Int64)
            )
            is_numbered = pl.all_horizontal(pl.col(name).is_not_null() for name in numbers)
            problem = pl.when(~is_numbered).then(pl.format(f"line {{}} of {table} has no taxid", "line"))
            rows = rows.with_columns(problem=pl.coalesce("problem", problem))
            malformed.extend(rows["problem"].drop_nulls())
            yield rows.filter(pl.col("problem").is_null()).select(schema.names())

    database.spool(_TABLES[table], sound(), schema)
    return [f"malformed rows of {table}: {len(malformed):,}, the first: {malformed[0]}"] if malformed else []


def _rows(database: Database) -> Iterator[pl.DataFrame]:
    """The rows of the checklist: taxa above the species, species, synonyms."""
    database.make("taxdump_scientific", _SCIENTIFIC)
    database.make("taxdump_author", _AUTHORS)
    nodes = database.frame(_ABOVE_SPECIES, below=sorted(AT_OR_BELOW_SPECIES))
    placed = place({row[0]: Node(*row) for row in nodes.iter_rows()})
    ranks = [(taxid, *(taxon.ranks.get(rank, "") for rank in _HIGHER)) for taxid, taxon in placed.items()]
    schema = {"id": pl.Int64, **dict.fromkeys(_HIGHER, pl.String)}
    database.load("taxdump_placed", pl.DataFrame(ranks, schema, orient="row"))
    higher = _with_ids_of_accepted(names_of(placed))
    own = higher.select(pl.col("id").cast(pl.Int64, strict=False), "rank").drop_nulls()
    database.load("taxdump_higher", own)
    database.make("taxdump_taxon", _TAXA)
    authors = database.frame("SELECT id::VARCHAR AS id, author FROM taxdump_author SEMI JOIN taxdump_higher USING (id)")
    yield _as_rows(higher.drop("author").join(authors, on="id", how="left", maintain_order="left"))
    yield from map(_as_rows, database.pieces(_SPECIES, _ROWS_AT_ONCE))
    for frame in database.pieces(_SYNONYMS, _ROWS_AT_ONCE):
        yield _as_rows(frame.with_columns(status=pl.lit("synonym")))


def _with_ids_of_accepted(higher: pl.DataFrame) -> pl.DataFrame:
    """Names whose ``accepted`` is the id of the accepted name, as rows of a checklist have it."""
    accepted = higher.filter(pl.col("status") == "accepted").unique(["name", "rank"], keep="first", maintain_order=True)
    ids = accepted.select("rank", accepted="name", accepted_id="id")
    joined = higher.join(ids, on=["rank", "accepted"], how="left", maintain_order="left")
    return joined.with_columns(accepted=pl.col("accepted_id").fill_null("")).drop("accepted_id")


def _as_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns of ROWS; what is missing is empty. Species without a binomial are not used.

    Of synonyms alone, the author may stand in the name.
    """
    missing = [name for name in ROWS if name not in frame.columns]
    filled = frame.with_columns(pl.lit("").alias(name) for name in missing)
    filled = filled.with_columns(pl.col(ROWS.names()).fill_null(""))
    name, is_synonym = pl.col("name"), pl.col("status") == "synonym"
    begins = name.str.contains(_BINOMIAL + "(?: |$)") & ~name.str.contains(_NO_BINOMIAL)
    is_name = begins & (is_synonym | name.str.contains(_BINOMIAL + "$"))
    nameless = (pl.col("rank") == "species") & ~is_name
    return filled.with_columns(
        name=pl.when(nameless).then(pl.lit("")).otherwise(name),  # or it would be parsed, which takes minutes
        status=pl.when(nameless).then(pl.lit(_NO_NAME)).when(is_synonym).then("status").otherwise(pl.lit("accepted")),
    ).select(ROWS.names())
