"""The stage that names every image of the original path: evidence, authorities, names, and what is not settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import Names
from ..core.files import replacing
from ..core.tables import without_formulas
from ..core.values import RANKS
from ..errors import InputError
from ..mapping.store import read_source, read_splits
from ..sources.base import Source
from . import common, evidence, findings, outputs
from .inputs import FILES, Known, Listen, load, silent
from .lookups import lookup_file
from .parsers import make_parser
from .parsing import Parser
from .resolve import resolve
from .verifier import add_answers

STEP = 2
"""The version of this step: raised when the same inputs give other names."""

FROM = tuple(f"{rank}_from" for rank in RANKS)
COLUMNS = (
    "source", "name_key", *RANKS, "common", "names_from", *FROM, "common_from", "common_rank", "verbatim",
    "infraspecific", "authorship", "parser", "quality", "parse", "origin", "ambiguous",
)  # fmt: skip
"""The columns of names.parquet."""


@dataclass(frozen=True)
class NamesReport:
    """What naming came to.

    Attributes:
        names: name keys, per source.
        unnamed: keys of which nothing is known, per source.
        findings: how many of each kind.
        rows: rows of predicted-catalog.csv.
        without: the inputs that were not there.
    """

    names: dict[str, int]
    unnamed: dict[str, int]
    findings: dict[str, int]
    rows: int
    without: tuple[str, ...] = ()


def names_inputs(config: Config, sources: Sequence[Source]) -> tuple[dict[str, Any], list[Path]]:
    """What names are made from, for a fingerprint: the settings with the step's version, and the files to be hashed."""
    names = config.names
    settings = {"step": STEP, **names.model_dump(mode="json", exclude=set(FILES) | {"lookups"})}
    files: list[Path] = []
    for key in FILES:
        path: Path | None = getattr(names, key)
        if path is not None:
            files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    files += [path for source in sources for path in source.label_files()]
    labels = sorted(source.name for source in sources)
    return {**settings, "sources": labels, "given": sorted(key for key in FILES if getattr(names, key))}, files


def gather(
    config: Config, sources: Sequence[Source], images: dict[str, pl.DataFrame], known: Known, parser: Parser
) -> pl.DataFrame:
    """The evidence for every name key of every source: keys of which nothing is known have empty ranks.

    Raises:
        InputError: EOL is a source and neither its tree nor its scraped names are configured.
    """
    parts = []
    for source in sources:
        keys = evidence.name_keys(source, images[source.name])
        labels = evidence.of_labels(source, keys, parser)
        if source.name_key == "page_id":
            labels = pl.concat([labels, _pages(config.names, source, keys, known, parser, labels)])
        missing = (
            keys.select("name_key").join(labels, on="name_key", how="anti").with_columns(source=pl.lit(source.name))
        )
        parts.append(pl.concat([labels, evidence.shaped(missing)]))
    return pl.concat(parts).sort("source", "name_key")


def _pages(
    names: Names, source: Source, keys: pl.DataFrame, known: Known, parser: Parser, labels: pl.DataFrame
) -> pl.DataFrame:
    if known.nodes is None and names.eol_scraped is None:
        raise InputError(f"the source '{source.name}' is named by EOL page: set eol_tree (EOL's taxon.tab) in [names]")
    rest = keys.join(labels, on="name_key", how="anti")
    return evidence.of_pages(source, rest, known.nodes, names.eol_scraped, parser)


def name_evidence(rows: pl.DataFrame, known: Known, order: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Names for evidence, and findings. Rows that say the same are resolved once."""
    rows, several = evidence.place_uninomials(rows, known.knowledge.tables)
    said = [*RANKS, "context", "origin"]
    distinct = (
        rows.select(said).unique().sort(said).with_row_index("number").with_columns(pl.col("number").cast(pl.UInt32))
    )
    resolved, found = resolve(distinct, known.knowledge)
    own = common.from_table(rows.filter(pl.col("label_common") != ""), "label_common", "label")
    vernaculars = [{**known.vernaculars, "label": own}[name] for name in order if name in {*known.vernaculars, "label"}]
    resolved = resolved.join(common.choose(resolved, vernaculars), on="number", how="left", maintain_order="left")
    numbered = rows.join(distinct, on=said, how="left", maintain_order="left")
    table = findings.of_names(numbered, resolved, found, several)
    named = numbered.drop(*RANKS, "context", "origin").join(
        resolved.drop("context"), on="number", how="left", maintain_order="left"
    )
    return named.with_columns(pl.col("common", "common_from", "common_rank").fill_null("")), table


@dataclass(frozen=True)
class _Named:
    """Names, findings, and what the outputs need beyond them."""

    table: pl.DataFrame
    findings: pl.DataFrame
    images: dict[str, pl.DataFrame]
    known: Known


def name_sources(
    config: Config, paths: Paths, sources: Sequence[Source], mapping: Path, listen: Listen = silent
) -> pl.DataFrame:
    """The names of these sources with the columns of names.parquet; nothing is written but the verifier's cache.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: an input that is configured is missing or malformed.
    """
    return _named(config, paths, sources, mapping, listen).table


def _named(config: Config, paths: Paths, sources: Sequence[Source], mapping: Path, listen: Listen) -> _Named:
    parser = make_parser(config.names.parser)
    known = load(config.names, parser, listen)
    images = {source.name: read_source(mapping, source) for source in sources}
    rows = gather(config, sources, images, known, parser)
    known = _ask_verifier(config, paths, rows, known, parser, listen)
    names, found = name_evidence(rows, known, config.names.common_authorities)
    every = pl.concat([known.troubles, found]).sort(findings.ORDER)
    return _Named(_columns(names, parser), every, images, known)


def resolve_names(
    config: Config,
    paths: Paths,
    sources: Sequence[Source],
    mapping: Path,
    marking: pl.DataFrame,
    listen: Listen = silent,
) -> NamesReport:
    """Name every image of the mapping, and write all that the stage writes; names.parquet last.

    Args:
        config: the configuration.
        paths: the files of the dataset.
        sources: the sources to name.
        mapping: the mapping, with splits.
        marking: a curator's marks, which predicted-catalog.csv obeys; see :func:`treeoflife.selection.marks.table`.
        listen: hears what the run goes without.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: an input that is configured is missing or malformed.
    """
    named = _named(config, paths, sources, mapping, listen)
    rows = _write(config, paths, sources, named, read_splits(mapping), marking)
    return _report(named.table, named.findings, rows, named.known)


def _ask_verifier(
    config: Config, paths: Paths, rows: pl.DataFrame, known: Known, parser: Parser, listen: Listen
) -> Known:
    if not config.names.verifier.enabled or "verifier" not in config.names.authorities:
        return known
    return add_answers(config, paths, rows, known, parser, listen)


def _columns(names: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """names.parquet: who says what, in the order of sources and keys."""
    who = (
        pl.concat_list(FROM)
        .list.unique(maintain_order=True)
        .list.eval(pl.element().filter(pl.element() != ""))
        .list.join(" ")
    )
    shaped = names.with_columns(who.alias("names_from"), pl.lit(parser.name).alias("parser"))
    return shaped.select(COLUMNS).sort("source", "name_key")


def _write(
    config: Config, paths: Paths, sources: Sequence[Source], named: _Named, splits: pl.DataFrame, marking: pl.DataFrame
) -> int:
    vernaculars = named.known.vernaculars
    order = [vernaculars[name] for name in config.names.common_authorities if name in vernaculars]
    outputs.write_scientific_to_common(paths.scientific_to_common, common.by_name(order))
    numbered, marking = outputs.numbered(named.table.select("source", "name_key", *RANKS, "common"), marking)
    for source in sources:
        own = numbered.filter(pl.col("source") == source.name)
        outputs.write_lookup(lookup_file(paths.naming, source.name), own)
    images = [(source, named.images[source.name]) for source in sources]
    count = outputs.write_predicted_catalog(paths.predicted_catalog, numbered, splits, images, marking)
    with replacing(paths.name_findings) as temporary:
        named.findings.write_parquet(temporary, compression="zstd")
    with replacing(paths.name_findings_csv) as temporary:
        without_formulas(named.findings).write_csv(temporary)
    with replacing(paths.names) as temporary:
        named.table.write_parquet(temporary, compression="zstd")
    return count


def _report(table: pl.DataFrame, found: pl.DataFrame, rows: int, known: Known) -> NamesReport:
    keys = dict(table.group_by("source").len().sort("source").iter_rows())
    empty = table.filter(pl.all_horizontal(pl.col(rank) == "" for rank in RANKS))
    unnamed = dict(empty.group_by("source").len().sort("source").iter_rows())
    kinds = dict(found.group_by("kind").len().sort("kind").iter_rows())
    return NamesReport(keys, unnamed, kinds, rows, known.without)
