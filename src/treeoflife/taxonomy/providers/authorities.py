"""The authorities: the configured taxonomies, read into records for resolving and vernaculars for common names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ...config.tables import Names
from ...core.database import Database
from ...core.json_reader import parse_json
from ...core.text import reason
from ...core.unknown_words import UNKNOWN
from ...core.values import RANKS
from ...errors import InputError
from ...sources.containers.image_folders import visible_files
from ...sources.file_names import suffix_of
from .. import findings
from ..checklists import built_in
from ..checklists.cache import Note
from ..checklists.checklist import Checklist
from ..checklists.files import open_checklist
from ..common_names import sources as vernacular_sources
from ..expressions import UPPER
from ..parsing.parsed_name import Parser
from ..resolving.checklist_records import ask_checklist, asked_names, named_in
from ..resolving.record_index import RecordIndex, add_checklists, index_records
from .inaturalist_tables import INATURALIST, read_inaturalist_tables
from .records import clean_ranks, distinct_records, names_something, with_species
from .table_count import TableCount
from .tables import ProviderTable, damaged_text, read_table, require_use
from .tree import count_tree, make_nodes, rank_synonyms, read_tree_table, tree_records

FILES = {
    "eol_tree": "EOL's hierarchy (taxon.tab)", "eol_scraped": "names scraped from EOL's pages",
    "eol_vernaculars": "EOL's common names", "itis": "ITIS",
    "inaturalist": "iNaturalist", "resolved": "resolved.jsonl", "taxonopy": "TaxonoPy",
}  # fmt: skip
"""The keys of ``[names]`` that name files, and what these hold."""

# Below metadata/, where `treeoflife download` and the original scripts put them.
_USUAL_PATHS = {
    "eol_tree": ("eol/taxon.tab",), "eol_scraped": ("eol/scraped_page_ids.csv",),
    "eol_vernaculars": ("eol/vernacularnames.csv",), "itis": ("itis/species_level_taxonomy_chains.csv",),
    "inaturalist": ("inat", "inat.zip", "inat/inaturalist-taxonomy.dwca.zip"),
    "resolved": ("resolved.jsonl",), "taxonopy": ("taxonopy",),
}  # fmt: skip

_ITIS_RANKS = tuple(rank.capitalize() for rank in RANKS)
_ITIS_VERNACULARS = ("terminal_tsn", "terminal_vernacular", "terminal_vernacular_lang")
_ITIS_NEEDS = f"the columns {', '.join(_ITIS_RANKS)}, filled from the kingdom down"
_TAXONOPY = (*RANKS, "scientific_name", "common_name")
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)


@dataclass(frozen=True)
class Authorities:
    """The content of all configured taxonomies.

    Attributes:
        index: the records, prepared for looking names up.
        eol_nodes: the records of EOL's tree with their nodes and pages, or None.
        vernaculars: common names by authority.
        tree_findings: what is wrong in EOL's tree.
        missing: descriptions of the files that are not configured.
        synonyms: the synonyms of phyla to families in EOL's tree, or None.
        scraped: the scientific name that was scraped from each EOL page, or None.
        tables: what came of the rows of each table.
    """

    index: RecordIndex
    eol_nodes: pl.DataFrame | None
    vernaculars: Mapping[str, pl.DataFrame]
    tree_findings: pl.DataFrame
    missing: tuple[str, ...] = ()
    synonyms: pl.DataFrame | None = None
    scraped: pl.DataFrame | None = None
    tables: tuple[TableCount, ...] = ()

    def by_trust(self, order: tuple[str, ...]) -> list[pl.DataFrame]:
        """The vernaculars of those authorities in ``order`` that have any."""
        return [self.vernaculars[name] for name in order if name in self.vernaculars]


def find_files(raw: Path) -> tuple[Names, list[str]]:
    """The taxonomies in ``raw/metadata`` under their usual names, and a line for each that is missing."""
    folder = raw / "metadata"
    paths = {
        key: next((folder / name for name in usual if (folder / name).exists()), None)
        for key, usual in _USUAL_PATHS.items()
    }
    missing = [f"{FILES[key]}: no {folder / _USUAL_PATHS[key][0]}" for key, path in paths.items() if path is None]
    return Names.model_validate({key: path for key, path in paths.items() if path is not None}), missing


def load(names: Names, parser: Parser) -> Authorities:
    """Read every configured authority, one after the other, so that only one file is in memory in full.

    Raises:
        InputError: a configured file is missing or malformed, or names nothing.
    """
    records: dict[str, pl.DataFrame] = {}
    common: dict[str, pl.DataFrame] = {}
    tables: list[TableCount] = []
    nodes, synonyms, tree_findings = _read_eol_tree(names.eol_tree, parser, tables)
    if nodes is not None:
        records["eol"] = distinct_records(nodes)
    scraped = _read_scraped(names.eol_scraped, tables) if names.eol_scraped else None
    if names.eol_vernaculars:
        common["eol"], count = vernacular_sources.read_eol(names.eol_vernaculars, nodes, parser, names.common_language)
        tables.append(count)
    for authority, read in _READERS.items():
        path: Path | None = getattr(names, authority)
        if path is not None:
            records[authority], own_vernaculars = read(path, parser, tables, names.common_language)
            common |= {} if own_vernaculars is None else {authority: own_vernaculars}
    ordered: dict[str, pl.DataFrame] = {name: records[name] for name in names.by_trust if name in records}
    index = index_records(ordered, synonyms, genus_alone=names.genus_alone)
    missing = tuple(description for key, description in FILES.items() if getattr(names, key) is None)
    return Authorities(index, nodes, common, tree_findings, missing, synonyms, scraped, tuple(tables))


def open_checklists(
    names: Names, folder: Path, database: Database, parser: Parser, note: Note = lambda _: None
) -> list[Checklist]:
    """The checklists that are configured, and the built-in taxonomy if it is used; those that are trusted alone.

    Args:
        folder: keeps what is made of checklists in order to read them.
        parser: divides names that are not plain.
        note: is told where what was read is kept, if not in the user's cache.

    Raises:
        InputError: one is missing or malformed.
    """
    paths = {name: path for name, path in names.checklists.items() if name in names.by_trust}
    opened = [open_checklist(name, path, folder, database, parser, note) for name, path in paths.items()]
    return [*opened, built_in.BUILT_IN] if names.built_in else opened


def consult(
    authorities: Authorities, checklists: Sequence[Checklist], evidence: pl.DataFrame, names: Names, database: Database
) -> Authorities:
    """The authorities with what checklists say about the names that the evidence writes, and their common names."""
    asked = asked_names(evidence)
    answers = {one.name: ask_checklist(one, asked, database) for one in checklists}
    follow = names.synonyms == "accepted"
    index = add_checklists(authorities.index, answers, names.by_trust, follow_synonyms=follow)
    common = {
        one.name: vernacular_sources.from_checklist(one, names.common_language, named_in(answers[one.name].rows, asked))
        for one in checklists
        if one.vernaculars
    }
    return replace(
        authorities,
        index=index,
        vernaculars={**authorities.vernaculars, **common},
        tables=(*authorities.tables, *(table for one in checklists for table in one.tables)),
    )


def _read_eol_tree(
    path: Path | None, parser: Parser, tables: list[TableCount]
) -> tuple[pl.DataFrame | None, pl.DataFrame | None, pl.DataFrame]:
    """The records, the synonyms and the findings of EOL's tree."""
    if path is None:
        return None, None, findings.empty()
    table = read_tree_table(path)
    nodes = make_nodes(table, parser)
    records = tree_records(nodes, parser)
    tables.append(count_tree(table, nodes, records))
    return records, rank_synonyms(nodes), findings.of_tree(nodes)


def _read_scraped(path: Path, tables: list[TableCount]) -> pl.DataFrame:
    """The name of each EOL page that was scraped; of several, the first in the alphabet."""
    table = read_table(path, ("page_id", "scientific_name"), numbers=("page_id",))
    named = table.rows.filter(pl.col("page_id") != "", ~_says_nothing("scientific_name"))
    pages = named.sort("page_id", "scientific_name").unique("page_id", keep="first", maintain_order=True)
    left_out = {"of a page that has another name": named.height - pages.height}
    count = table.count("eol", pages.height, left_out, "without a page id or a name")
    needs = "the columns page_id and scientific_name"
    tables.append(require_use(count, path, needs) if table.rows.height else count)
    return pages


def _says_nothing(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().is_in(sorted(UNKNOWN))


def _count(table: ProviderTable, authority: str, records: pl.DataFrame, needs: str) -> TableCount:
    """The count of a table with a record in each row; an InputError if none of them names anything."""
    used = records.filter(names_something()).height
    return require_use(table.count(authority, used, {}, "without a name at any rank"), table.path, needs)


def _count_repeated(path: Path, authority: str, records: pl.DataFrame, needs: str) -> TableCount:
    """The same of distinct records, each with the number of its ``rows``."""
    rows, used = (int(frame["rows"].sum()) for frame in (records, records.filter(names_something())))
    damaged = tuple(damaged_text(records))
    left_out = {"without a name at any rank": rows - used}
    return require_use(TableCount(authority, path.name, rows, used, left_out, damaged=damaged), path, needs)


def _read_itis(
    path: Path, parser: Parser, tables: list[TableCount], languages: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ITIS' chains of ranks. ``tsn``, its serial number, orders the vernaculars."""
    file = read_table(path, _ITIS_RANKS, optional=_ITIS_VERNACULARS, numbers=("terminal_tsn",))
    rows = file.rows.rename(dict(zip(_ITIS_RANKS, RANKS, strict=True)))
    rows = rows.with_columns(tsn=pl.col("terminal_tsn").cast(pl.Int64, strict=False))
    table = with_species(clean_ranks(rows, parser), rows["species"], parser)
    tables.append(_count(file, "itis", table, _ITIS_NEEDS))
    return distinct_records(table), vernacular_sources.from_itis(table, languages)


def _read_resolved(
    path: Path, parser: Parser, tables: list[TableCount], _languages: Sequence[str]
) -> tuple[pl.DataFrame, None]:
    """resolved.jsonl. Each authority that answered for a name gives a record of its own."""
    schema = dict.fromkeys(("name", *RANKS), pl.String)
    answers = pl.DataFrame(list(_resolved_lines(path)), schema=schema, orient="row")
    rows = answers.group_by(pl.all()).len("rows")
    # Some authorities give no species; the name that they were asked about is one.
    species = rows.select(pl.when(pl.col("species") == "").then("name").otherwise("species").alias("species"))
    records = with_species(clean_ranks(rows, parser), species["species"], parser)
    tables.append(_count_repeated(path, "resolved", records, "lines {name: {authority: {rank: value}}}"))
    return distinct_records(records), None


def _resolved_lines(path: Path) -> Iterator[tuple[str, ...]]:
    """The name and the seven ranks of every answer in resolved.jsonl."""
    number, line = 0, ""
    try:
        with path.open(encoding="utf-8-sig") as fd:
            for number, line in enumerate(fd, 1):  # noqa: B007 - the error names the line
                for name, answers in parse_json(line).items() if line.strip() else ():
                    for ranks in answers.values():
                        yield (name, *(_text(ranks.get(rank)) for rank in RANKS))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}, after line {number}: is not UTF-8: {error.reason}; save it as UTF-8") from None
    except (ValueError, AttributeError):
        expected = "{name: {authority: {rank: value}}}"
        raise InputError(f"{path}, line {number}: expected {expected}, got {line[:120]!r}") from None


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip()
    raise ValueError


def _read_taxonopy(
    path: Path, parser: Parser, tables: list[TableCount], _languages: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """TaxonoPy's resolved names: one Parquet file, or a folder of them."""
    is_folder = path.is_dir()
    files = [one for one in visible_files(path) if suffix_of(one.name) == ".parquet"] if is_folder else [path]
    if not files:
        raise InputError(f"[names] taxonopy: there is no Parquet file in {path}")
    try:
        parts = pl.concat([_taxonopy_part(file) for file in files])
    except (OSError, PolarsError) as error:
        raise InputError(f"[names] taxonopy: {path} cannot be read: {reason(error)}") from None
    rows = parts.group_by(pl.exclude("rows")).agg(pl.col("rows").sum())
    table = with_species(clean_ranks(rows, parser), rows["species"], parser)
    tables.append(_count_repeated(path, "taxonopy", table, f"the columns {', '.join(RANKS)}"))
    return distinct_records(table), vernacular_sources.from_table(table, "common_name", "taxonopy", pl.len())


def _taxonopy_part(file: Path) -> pl.DataFrame:
    scan = pl.scan_parquet(file, glob=False)
    present = scan.collect_schema().names()
    missing = [rank for rank in RANKS if rank not in present]
    if missing:
        raise InputError(f"[names] taxonopy: {file} lacks the column {missing[0]}")
    types = scan.select(pl.col(name) for name in _TAXONOPY if name in present).collect_schema()
    if wrong := [name for name, kind in types.items() if kind not in _TEXTS]:
        raise InputError(f"[names] taxonopy: the column {wrong[0]} of {file} is not text but {types[wrong[0]]}")
    columns = [
        (pl.col(name).cast(pl.String).fill_null("") if name in present else pl.lit("").alias(name))
        for name in _TAXONOPY
    ]
    # TaxonoPy writes a row per input record; the distinct names among them are far fewer.
    return scan.select(columns).group_by(pl.all()).len("rows").collect()


def _read_inaturalist(
    path: Path, parser: Parser, tables: list[TableCount], languages: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """iNaturalist's taxa and, where the archive has them, its names in these languages."""
    file, vernacular_tables = read_inaturalist_tables(path, languages)
    rows = file.rows
    rank = pl.col("taxonRank").str.to_lowercase()
    # A row's own name is in scientificName; the column of its own rank may be empty.
    own_names = [
        pl.when((rank == upper) & (pl.col(upper) == "")).then("scientificName").otherwise(upper).alias(upper)
        for upper in UPPER
    ]
    no_epithet = (rank == "species") & (pl.col("specificEpithet") == "")
    species = pl.when(no_epithet).then("scientificName").otherwise("specificEpithet")
    rows = rows.with_columns(*own_names, species=species, rank=rank)
    taxa = with_species(clean_ranks(rows, parser), rows["species"], parser)
    tables.append(_count(file, "inaturalist", taxa, f"the columns {', '.join(INATURALIST)}"))
    if not vernacular_tables:
        return distinct_records(taxa), None
    named = []
    for table in vernacular_tables:
        own = table.rows.filter(pl.col("language").is_in(list(languages)))
        own_named = vernacular_sources.from_inaturalist(taxa, own.rename({"vernacularName": "common"}))
        counted = (own.height, own_named.height, languages)
        tables.append(vernacular_sources.count_vernaculars(table, "inaturalist", *counted))
        named.append(own_named)
    return distinct_records(taxa), pl.concat(named)


_READERS = {
    "itis": _read_itis, "inaturalist": _read_inaturalist, "resolved": _read_resolved, "taxonopy": _read_taxonopy,
}  # fmt: skip
"""For each key of ``[names]``, the function that reads its records and its vernaculars in some languages."""
