"""Naming every image of the original path: from evidence and authorities to names, findings and published files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ..config.tables import Names
from ..core.files import replacing
from ..core.tables import escape_formulas
from ..core.values import RANKS
from ..errors import InputError
from ..mapping.store import read_source, read_splits
from ..sources.base import Source
from ..sources.image_folders import visible_files
from . import evidence, findings, outputs, verifier, vernaculars
from .authorities import FILES, Authorities, load
from .expressions import binomial, names_species
from .lookups import lookup_file
from .parsers import make_parser
from .parsing import Parser
from .resolve import index_records, resolve
from .tables import TableCount

STEP = 2
"""The version of this step: raised when the same inputs give other names."""

FROM = tuple(f"{rank}_from" for rank in RANKS)
COLUMNS = (
    "source", "name_key", *RANKS, "common", "names_from", *FROM, "common_from", "common_rank", "verbatim",
    "infraspecific", "authorship", "parser", "quality", "parse", "origin", "ambiguous",
)  # fmt: skip
"""The columns of names.parquet."""

# The part of the evidence that decides the ranks. Images by the million share far fewer of these.
_DECISIVE = [*RANKS, "context", "origin"]

Note = Callable[[str], None]


@dataclass(frozen=True)
class NameFiles:
    """The files that :func:`resolve_names` writes.

    Attributes:
        findings: the findings about names, as Parquet.
        findings_csv: the same for people.
        lookups: the folder of the name lookups in their published form.
        scientific_to_common: every scientific name that has a common name, as JSON.
        predicted_catalog: a row per image and split, as CSV.
        verifier_cache: GNVerifier's answers of this and earlier runs.
    """

    names: Path
    findings: Path
    findings_csv: Path
    lookups: Path
    scientific_to_common: Path
    predicted_catalog: Path
    verifier_cache: Path


class NamesReport(NamedTuple):
    """The counts that naming reports: of name keys and of findings over all sources, and of tables and their rows."""

    names: int
    findings: int
    tables: int
    rows: int
    rows_used: int


@dataclass(frozen=True)
class _Naming:
    """The names and findings of all sources, and what the published files need beyond them."""

    names: pl.DataFrame
    findings: pl.DataFrame
    images: Mapping[str, pl.DataFrame]
    authorities: Authorities
    tables: Sequence[TableCount]


def names_inputs(names: Names, sources: Sequence[Source]) -> tuple[dict[str, Any], list[Path]]:
    """The inputs of names, for a fingerprint: the settings with the step's version, and the files to be hashed."""
    settings = {"step": STEP, **names.model_dump(mode="json", exclude=set(FILES) | {"lookups"})}
    configured: dict[str, Path] = {key: path for key in FILES if (path := getattr(names, key)) is not None}
    files: list[Path] = []
    for path in configured.values():
        files += [file for file in visible_files(path) if file.is_file()] if path.is_dir() else [path]
    files += [path for source in sources for path in source.label_files()]
    source_names = sorted(source.name for source in sources)
    return {**settings, "sources": source_names, "given": sorted(configured)}, files


def name_sources(
    names: Names, sources: Sequence[Source], mapping: Path, verifier_cache: Path, note: Note = lambda _: None
) -> pl.DataFrame:
    """The names of these sources with the columns of names.parquet; only the verifier's cache is written.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    return _name(names, sources, mapping, verifier_cache, note).names


def resolve_names(
    names: Names,
    sources: Sequence[Source],
    mapping: Path,
    marking: pl.DataFrame,
    files: NameFiles,
    note: Note = lambda _: None,
) -> NamesReport:
    """Name every image of the mapping, and write all files of names; names.parquet last.

    Args:
        marking: a curator's marks, which predicted-catalog.csv obeys; see :func:`treeoflife.selection.marks.table`.
        note: receives lines about what is not configured or not available.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    naming = _name(names, sources, mapping, files.verifier_cache, note)
    _write_published(names, sources, naming, read_splits(mapping), marking, files)
    _write_tables(naming, files)
    tables = naming.tables
    about_names = naming.findings.filter(pl.col("kind") != "table").height
    rows, used = sum(table.rows for table in tables), sum(table.used for table in tables)
    return NamesReport(naming.names.height, about_names, len(tables), rows, used)


def _name(names: Names, sources: Sequence[Source], mapping: Path, verifier_cache: Path, note: Note) -> _Naming:
    parser = make_parser(names.parser)
    authorities = load(names, parser)
    if authorities.missing:
        note(f"not configured in [names]: {', '.join(authorities.missing)}")
    images = {source.name: read_source(mapping, source) for source in sources}
    rows, labels = gather_evidence(names, sources, images, authorities, parser)
    tables = [*authorities.tables, *labels]
    for warning in (warning for table in tables for warning in table.warnings):
        note(warning)
    if names.verifier.enabled and "verifier" in names.authorities:
        authorities = ask_verifier(names, rows, authorities, parser, verifier_cache, note)
    named, name_findings = name_evidence(rows, authorities, names.common_authorities)
    all_findings = pl.concat([findings.of_tables(tables), authorities.tree_findings, name_findings]).sort(
        findings.ORDER
    )
    return _Naming(_names_table(named, parser), all_findings, images, authorities, tables)


def gather_evidence(
    names: Names,
    sources: Sequence[Source],
    images: Mapping[str, pl.DataFrame],
    authorities: Authorities,
    parser: Parser,
) -> tuple[pl.DataFrame, list[TableCount]]:
    """The evidence for every name key of every source, and the counts of the sources' own tables of labels.

    Keys about which nothing is known have empty ranks.

    Raises:
        InputError: EOL is a source and neither its tree nor its scraped names are configured.
    """
    parts, tables = [], []
    for source in sources:
        keys = evidence.name_keys(source, images[source.name])
        rows, count = evidence.of_labels(source, keys, parser)
        tables += [count] if source.label_files() else []
        if source.name_key == "page_id":
            if authorities.eol_nodes is None and names.eol_scraped is None:
                raise InputError(
                    f"the source '{source.name}' is named by EOL page: set eol_tree (taxon.tab) in [names]"
                )
            # What the source itself says of a page takes precedence over the tree.
            pages = keys.join(rows, on="name_key", how="anti")
            of_pages = evidence.of_pages(source, pages, authorities.eol_nodes, authorities.scraped, parser)
            if pages.height and of_pages.is_empty():
                left_out = {"in neither taxon.tab nor the scraped names": pages.height}
                tables.append(TableCount(source.name, "pages of images", pages.height, 0, left_out, unit="pages"))
            rows = pl.concat([rows, of_pages])
        unknown = keys.select("name_key").join(rows, on="name_key", how="anti")
        parts += [rows, evidence.conform(unknown.with_columns(source=pl.lit(source.name)))]
    return pl.concat(parts).sort("source", "name_key"), tables


def _distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct evidence with a ``number`` each: equal evidence is resolved once."""
    distinct = rows.select(_DECISIVE).unique().sort(_DECISIVE)
    return distinct.with_row_index("number").with_columns(pl.col("number").cast(pl.UInt32))


def ask_verifier(
    names: Names, rows: pl.DataFrame, authorities: Authorities, parser: Parser, cache: Path, note: Note
) -> Authorities:
    """The authorities with GNVerifier's answers for species to which no local authority gives a kingdom."""
    resolved, _ = resolve(_distinct(rows), authorities.index)
    # A kingdom shows that a local authority knows the name. Asking about all holes would send off most names.
    unplaced = resolved.filter(pl.col("kingdom") == "", names_species())
    species = unplaced.select(binomial().unique().sort()).to_series().to_list()
    if not species:
        return authorities
    answers = verifier.ask(species, names.verifier, cache, note)
    records = {**authorities.records, "verifier": verifier.answer_records(answers, parser)}
    ordered: dict[str, pl.DataFrame] = {name: records[name] for name in names.authorities if name in records}
    index = index_records(ordered, authorities.synonyms, genus_alone=names.genus_alone)
    return replace(authorities, index=index, records=ordered)


def name_evidence(
    rows: pl.DataFrame, authorities: Authorities, common_authorities: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The names for evidence, and the findings about them."""
    rows, several_ranks = evidence.rank_uninomials(rows, authorities.index.tables)
    distinct = _distinct(rows)
    resolved, unsettled = resolve(distinct, authorities.index)
    label = vernaculars.from_table(rows.filter(pl.col("label_common") != ""), "label_common", "label")
    by_authority = {**authorities.vernaculars, "label": label}
    common = vernaculars.choose(resolved, [by_authority[name] for name in common_authorities if name in by_authority])
    resolved = resolved.join(common, on="number", how="left", maintain_order="left")
    numbered = rows.join(distinct, on=_DECISIVE, how="left", maintain_order="left")
    table = findings.of_names(numbered, resolved, unsettled, several_ranks)
    named = numbered.drop(*RANKS, "context", "origin").join(
        resolved.drop("context"), on="number", how="left", maintain_order="left"
    )
    return named.with_columns(pl.col("common", "common_from", "common_rank").fill_null("")), table


def _names_table(named: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The columns of names.parquet, in the order of sources and keys. ``names_from`` lists who gave the ranks."""
    givers = pl.concat_list(FROM).list.unique(maintain_order=True)
    names_from = givers.list.eval(pl.element().filter(pl.element() != "")).list.join(" ")
    table = named.with_columns(names_from=names_from, parser=pl.lit(parser.name))
    return table.select(COLUMNS).sort("source", "name_key")


def _write_published(
    names: Names,
    sources: Sequence[Source],
    naming: _Naming,
    splits: pl.DataFrame,
    marking: pl.DataFrame,
    files: NameFiles,
) -> None:
    """Write the files in published formats: scientific_to_common.json, the lookups and predicted-catalog.csv."""
    by_trust = naming.authorities.by_trust(names.common_authorities)
    outputs.write_scientific_to_common(files.scientific_to_common, vernaculars.by_name(by_trust))
    table = naming.names.select("source", "name_key", *RANKS, "common")
    numbered, marking = outputs.number_classes(table, marking)
    for source in sources:
        own = numbered.filter(pl.col("source") == source.name)
        outputs.write_lookup(lookup_file(files.lookups, source.name), own)
    images = [(source, naming.images[source.name]) for source in sources]
    outputs.write_predicted_catalog(files.predicted_catalog, numbered, splits, images, marking)


def _write_tables(naming: _Naming, files: NameFiles) -> None:
    with replacing(files.findings) as temporary:
        naming.findings.write_parquet(temporary, compression="zstd")
    with replacing(files.findings_csv) as temporary:
        escape_formulas(naming.findings).write_csv(temporary)
    # Last, so that an interrupted run leaves no new names.parquet beside old files.
    with replacing(files.names) as temporary:
        naming.names.write_parquet(temporary, compression="zstd")
