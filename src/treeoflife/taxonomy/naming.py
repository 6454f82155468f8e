"""Naming every image of the original path: from evidence and authorities to names, findings and published files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ..config.tables import Names
from ..core.database import Database
from ..core.tables import write_parquet
from ..core.values import RANKS
from ..sources.base import Source
from ..sources.columns import is_published_kind
from ..sources.containers.image_folders import visible_files
from . import findings, outputs
from .checklists.built_in import BUILT_IN
from .common_names import choice as vernaculars
from .common_names import sources as vernacular_sources
from .common_names.cleaning import ENGLISH
from .expressions import binomial, names_species, positions
from .lookups import lookup_file
from .one_lineage.backbone import choose_backbone, one_classification
from .one_lineage.disputes import find_disputes
from .parsing.parsed_name import Parser
from .parsing.parsers import make_parser
from .providers import verifier
from .providers.authorities import FILES, Authorities, consult, load, open_checklists
from .providers.table_count import TableCount
from .resolving import evidence
from .resolving.keyed_evidence import gather_evidence
from .resolving.record_index import RecordIndex, add_records
from .resolving.resolve import resolve
from .resolving.word_ranks import rank_words

STEP = 4
"""The version of this step: raised when the same inputs give other names."""

FROM = tuple(f"{rank}_from" for rank in RANKS)
COLUMNS = (
    "source", "name_key", *RANKS, "common", "names_from", *FROM, "common_from", "common_rank", "verbatim",
    "infraspecific", "authorship", "parser", "quality", "parse", "origin", "ambiguous",
)  # fmt: skip
"""The columns of names.parquet."""

# The part of the evidence that decides the ranks. Images by the million share far fewer of these.
_DECISIVE = [*RANKS, "context", "origin", "word", "word_ranks", "author"]

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
        checklists: the folder that keeps checklists as they were read; None to read them anew.
    """

    names: Path
    findings: Path
    findings_csv: Path
    lookups: Path
    scientific_to_common: Path
    predicted_catalog: Path
    verifier_cache: Path
    checklists: Path | None = None


class NamesReport(NamedTuple):
    """The counts that naming reports: of name keys and of findings over all sources, and of tables and their rows."""

    names: int
    findings: int
    tables: int
    rows: int
    rows_used: int


@dataclass(frozen=True)
class Naming:
    """The names and findings of all sources.

    Attributes:
        names: a row per evidence, in the order of its numbers: all columns of names.parquet but the key.
        decisive: for each evidence, the number of what decides its ranks. A finding about ranks is about all evidence
            of one number, whichever of their keys it names.
        common: scientific names with their common names, of all authorities.
        tables: what came of the rows of each table.
    """

    names: pl.DataFrame
    decisive: pl.Series
    findings: findings.Findings
    common: Mapping[str, str]
    tables: Sequence[TableCount]


def names_inputs(names: Names, sources: Sequence[Source]) -> tuple[dict[str, Any], list[Path]]:
    """The inputs of names, for a fingerprint: the settings with the step's version, and the files to be hashed."""
    paths = {*FILES, "checklists", "lookups", "published"}
    settings = {"step": STEP, **names.model_dump(mode="json", exclude=paths)}
    configured: dict[str, Path] = {key: path for key in FILES if (path := getattr(names, key)) is not None}
    files: list[Path] = [BUILT_IN.names] if names.built_in else []
    for path in configured.values():
        files += [file for file in visible_files(path) if file.is_file()] if path.is_dir() else [path]
    for name, path in names.checklists.items():
        configured[f"checklists.{name}"] = path
        # The tables of a checklist may lie in a folder of its folder.
        files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    files += [path for source in sources for path in source.label_files()]
    source_names = sorted(source.name for source in sources)
    read_as = {f"sources.{one.name}": known for one in sources if (known := one.label_settings())}
    return {**settings, "sources": source_names, "given": sorted(configured), **read_as}, files


def name_sources(
    names: Names,
    sources: Sequence[Source],
    database: Database,
    verifier_cache: Path,
    note: Note = lambda _: None,
    checklists: Path | None = None,
) -> Iterator[pl.DataFrame]:
    """The names of these sources with the columns of names.parquet; only caches are written.

    Args:
        verifier_cache, checklists: as in :class:`NameFiles`.
        database: has the table ``image`` (:mod:`treeoflife.mapping.images`).

    Yields:
        The names by source and key, of which some are in memory at a time; the first piece is empty.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    return name_pieces(database, name_all(names, sources, database, verifier_cache, checklists, note).names)


def resolve_names(
    names: Names, sources: Sequence[Source], database: Database, files: NameFiles, note: Note = lambda _: None
) -> NamesReport:
    """Name every image of the mapping, and write all files of names; names.parquet last.

    Args:
        database: has the tables ``image`` (:mod:`treeoflife.mapping.images`) and ``mark``
            (:func:`treeoflife.selection.marks.load_marks`); predicted-catalog.csv obeys the marks.
        note: receives lines about what is not configured or not available.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    naming = name_all(names, sources, database, files.verifier_cache, files.checklists, note)
    _write_published(sources, naming, database, files)
    about_names = outputs.write_findings(files.findings, files.findings_csv, database, naming.findings)
    # Last, so that an interrupted run leaves no new names.parquet beside old files.
    pieces = name_pieces(database, naming.names)
    write_parquet(files.names, next(pieces).schema, lambda: pieces)
    tables = naming.tables
    rows, used = sum(table.rows for table in tables), sum(table.used for table in tables)
    named = database.value("SELECT count(*) FROM keyed")
    return NamesReport(named, about_names, len(tables), rows, used)


def name_all(
    names: Names, sources: Sequence[Source], database: Database, verifier_cache: Path, kept: Path | None, note: Note
) -> Naming:
    """The names of these sources, and the findings about them; of files, only caches are written.

    Args:
        database: has the table ``image`` (:mod:`treeoflife.mapping.images`); gets the table ``keyed``, which has the
            number of the evidence of each key (:mod:`.keyed_evidence`).
        verifier_cache, kept: as ``verifier_cache`` and ``checklists`` in :class:`NameFiles`.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    parser = make_parser(names.parser)
    authorities = load(names, parser)
    # Other datasets than those of the published sources have no use for the tables of EOL and ITIS.
    if authorities.missing and any(is_published_kind(source) for source in sources):
        missing = ", ".join(authorities.missing)
        note(f"not configured in [names], so they fill no empty rank and no common name: {missing}")
    rows, labels = gather_evidence(sources, database, authorities.eol_nodes, authorities.scraped, parser)
    checklists = open_checklists(names, kept or database.scratch, database, parser, note)
    authorities = consult(authorities, checklists, rows, names, database)
    tables = [*authorities.tables, *labels]
    for warning in (warning for table in tables for warning in table.warnings):
        note(warning)
    if names.verifier.enabled and "verifier" in names.authorities:
        authorities = ask_verifier(names, rows, authorities, parser, verifier_cache, note)
    backbone = choose_backbone(names, authorities.index, built_in=names.built_in is True)
    named, about_names = name_evidence(
        rows,
        authorities,
        names.common_by_trust,
        names.common_language,
        backbone=backbone,
        common_of_higher_ranks=names.common_of_higher_ranks,
    )
    of_files = pl.concat([findings.of_tables(tables), authorities.tree_findings])
    about_all = about_names._replace(shared=pl.concat([of_files, about_names.shared]))
    common = vernaculars.by_name(authorities.by_trust(names.common_by_trust), names.common_language)
    named = named.sort("evidence")
    return Naming(_names_table(named, parser), named["number"], about_all, common, tables)


def _numbered(rows: pl.DataFrame, index: RecordIndex) -> pl.DataFrame:
    """The evidence with the ``number`` of what decides its ranks.

    The ``author`` does so only where a checklist has several taxa of one name: most labels differ in nothing else.
    """
    lowest = [pl.when(pl.col(one) != "").then(one) for one in ("genus", "word", "family", "order", "class", "phylum")]
    name = pl.when(names_species()).then(binomial()).otherwise(pl.coalesce(lowest)).fill_null("")
    author = pl.when(name.is_in(index.namesakes.implode())).then("authorship").otherwise(pl.lit(""))
    rows = rows.with_columns(author=author)
    return rows.with_columns(number=positions(rows, _DECISIVE)[-1].cast(pl.UInt32))


def _distinct(numbered: pl.DataFrame) -> pl.DataFrame:
    """What decides the ranks, by ``number``: equal evidence is resolved once."""
    return numbered.select("number", *_DECISIVE).unique("number").sort("number")


def ask_verifier(
    names: Names, rows: pl.DataFrame, authorities: Authorities, parser: Parser, cache: Path, note: Note
) -> Authorities:
    """The authorities with GNVerifier's answers for species to which no local authority gives a kingdom."""
    resolved, _ = resolve(_distinct(_numbered(rows, authorities.index)), authorities.index)
    # A kingdom shows that a local authority knows the name. Asking about all holes would send off most names.
    unplaced = resolved.filter(pl.col("kingdom") == "", names_species())
    species = unplaced.select(binomial().unique().sort()).to_series().to_list()
    if not species:
        return authorities
    answers = verifier.ask(species, names.verifier, cache, note)
    records = verifier.answer_records(answers, parser)
    return replace(authorities, index=add_records(authorities.index, "verifier", records, names.by_trust))


def name_evidence(
    rows: pl.DataFrame,
    authorities: Authorities,
    common_authorities: Sequence[str],
    common_language: Sequence[str] = (ENGLISH,),
    *,
    backbone: str = "",
    common_of_higher_ranks: bool = False,
) -> tuple[pl.DataFrame, findings.Findings]:
    """The names for evidence, a row for each of its rows; and the findings about them.

    Args:
        common_authorities: the authorities of common names, the most trusted first.
        common_language: the codes of the languages of common names, the most wanted first.
        backbone: the authority that decides where a taxon has several lineages; empty to leave them.
        common_of_higher_ranks: whether a taxon without a common name gets that of a higher rank.
    """
    index = authorities.index
    if index.checklists:
        rows, about_words = rank_words(rows, index)
    else:
        rows, several_ranks = evidence.rank_uninomials(rows, index.tables)
        about_words = findings.of_several_ranks(several_ranks)
    numbered = _numbered(rows, index)
    as_given, unsettled = resolve(_distinct(numbered), index)
    resolved, unsettled = one_classification(as_given, unsettled, numbered, index, backbone)
    # Nobody says in which language a user's own names are: they count as what the user wants most.
    labels, repetitions = rows.filter(pl.col("label_common") != ""), pl.col("keys").sum()
    label = vernacular_sources.from_table(labels, "label_common", "label", repetitions, common_language[0])
    by_authority = {**authorities.vernaculars, "label": label}
    by_trust = [by_authority[name] for name in common_authorities if name in by_authority]
    common = vernaculars.choose(resolved, by_trust, common_language, higher_ranks=common_of_higher_ranks)
    resolved = resolved.join(common, on="number", how="left", maintain_order="left")
    about_names = findings.of_names(numbered, resolved, unsettled, about_words)
    named = numbered.drop(_DECISIVE).join(resolved.drop("context"), on="number", how="left", maintain_order="left")
    if backbone:
        disputes = find_disputes(as_given, resolved, numbered, index)
        about_names = about_names._replace(shared=pl.concat([about_names.shared, disputes]))
    if index.checklists:  # a replaced name that only columns gave is kept as well
        named = named.with_columns(verbatim=pl.when(pl.col("verbatim") == "").then("synonym").otherwise("verbatim"))
    return named.with_columns(pl.col("common", "common_from", "common_rank").fill_null("")), about_names


def _names_table(named: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """What names.parquet has for the keys of each evidence, in the order of its numbers: all columns but the key.

    ``names_from`` lists who gave the ranks.
    """
    givers = pl.concat_list(FROM).list.unique(maintain_order=True)
    names_from = givers.list.eval(pl.element().filter(pl.element() != "")).list.join(" ")
    # Lists are slow, and few combinations of givers are different.
    given = named.select(FROM).unique().with_columns(names_from=names_from, parser=pl.lit(parser.name))
    table = named.join(given, on=FROM, how="left")
    return table.sort("evidence").select(name for name in COLUMNS if name != "name_key")


def name_pieces(database: Database, names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of names.parquet, by source and key, of which some are in memory at a time; the first piece is empty.

    Args:
        names: the row of each evidence, in the order of its numbers.
    """
    # Only the keys are sorted: sorting ten million rows with their names takes twice as long.
    keys = "SELECT name_key, evidence FROM keyed ORDER BY source, name_key"
    for piece in database.pieces(keys, rows_at_once=outputs.ROWS_AT_ONCE):
        columns = names.select(pl.all().gather(piece["evidence"]))
        yield columns.hstack(piece.select("name_key")).select(COLUMNS)


def _write_published(sources: Sequence[Source], naming: Naming, database: Database, files: NameFiles) -> None:
    """Write the files in published formats: scientific_to_common.json, the lookups and predicted-catalog.csv."""
    outputs.write_scientific_to_common(files.scientific_to_common, naming.common)
    marks = database.frame("SELECT * FROM mark ORDER BY treeoflife_id")
    numbered, marks = outputs.number_classes(naming.names.select(*RANKS, "common"), marks)
    for source in sources:
        outputs.write_lookup(lookup_file(files.lookups, source.name), database, source, numbered)
    outputs.write_predicted_catalog(files.predicted_catalog, database, sources, numbered, marks)
