"""The stage that names every image of the original path: evidence, authorities, names, and what is not settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..config import Config, Names
from ..errors import InputError
from ..files import replacing
from ..mapping.store import read_source, read_splits
from ..paths import Paths
from ..records import RANKS
from ..sources import Source
from . import authorities, common, evidence, findings, outputs
from .lookups import lookup_file
from .parsing import Parser, make_parser
from .resolve import Knowledge, know, resolve
from .tree import read_tree

STEP = 2
"""The version of this step: raised when the same inputs give other names."""

Listen = Callable[[str], None]
FROM = tuple(f"{rank}_from" for rank in RANKS)
COLUMNS = (
    "source", "name_key", *RANKS, "common", "names_from", *FROM, "common_from", "common_rank", "verbatim",
    "infraspecific", "authorship", "parser", "quality", "parse", "origin", "ambiguous",
)  # fmt: skip
"""The columns of names.parquet."""

_FILES = {
    "eol_tree": "EOL's hierarchy (taxon.tab)", "eol_scraped": "names scraped from EOL's pages",
    "eol_vernaculars": "EOL's common names", "itis": "ITIS",
    "inaturalist": "iNaturalist", "resolved": "resolved.jsonl", "taxonopy": "TaxonoPy",
}  # fmt: skip
_PLACES = {
    "eol_tree": ("eol/taxon.tab",), "eol_scraped": ("eol/scraped_page_ids.csv",),
    "eol_vernaculars": ("eol/vernacularnames.csv",), "itis": ("itis/species_level_taxonomy_chains.csv",),
    "inaturalist": ("inat", "inat.zip", "inat/inaturalist-taxonomy.dwca.zip"),
    "resolved": ("resolved.jsonl",), "taxonopy": ("taxonopy",),
}  # fmt: skip


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


@dataclass(frozen=True)
class Known:
    """All that the authorities have to say.

    Attributes:
        knowledge: their records, prepared for looking up.
        nodes: EOL's tree, or None.
        vernaculars: common names by authority.
        troubles: what is wrong with EOL's tree.
        without: the inputs that are not there.
        knowledge_records: the records by authority, and
        synonyms: the synonyms of families to phyla, from which ``knowledge`` was made.
    """

    knowledge: Knowledge
    nodes: pl.DataFrame | None
    vernaculars: dict[str, pl.DataFrame]
    troubles: pl.DataFrame
    without: tuple[str, ...] = ()
    knowledge_records: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    synonyms: pl.DataFrame | None = None


def found_inputs(raw: Path) -> tuple[Names, list[str]]:
    """The inputs that lie in ``raw/metadata`` under their usual names, and what is not there."""
    folder = raw / "metadata"
    there = {
        key: next((folder / place for place in places if (folder / place).exists()), None)
        for key, places in _PLACES.items()
    }
    missing = [f"{_FILES[key]}: no {folder / _PLACES[key][0]}" for key, path in there.items() if path is None]
    return Names(**{key: path for key, path in there.items() if path is not None}), missing  # type: ignore[arg-type]


def names_inputs(config: Config, sources: Sequence[Source]) -> tuple[dict[str, Any], list[Path]]:
    """What names are made from, for a fingerprint: the settings with the step's version, and the files to be hashed."""
    names = config.names
    settings = {"step": STEP, **names.model_dump(mode="json", exclude=set(_FILES) | {"lookups"})}
    files: list[Path] = []
    for key in _FILES:
        path: Path | None = getattr(names, key)
        if path is not None:
            files += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    files += [path for source in sources for path in source.label_files()]
    labels = sorted(source.name for source in sources)
    return {**settings, "sources": labels, "given": sorted(key for key in _FILES if getattr(names, key))}, files


def _silent(line: str) -> None:
    """Hear nothing."""


def load(names: Names, parser: Parser, listen: Listen = _silent) -> Known:
    """Read every authority that is configured; ``listen`` hears what the run goes without.

    Raises:
        InputError: a file that is configured is missing or malformed.
    """
    without = tuple(what for key, what in _FILES.items() if getattr(names, key) is None)
    for what in without:
        listen(f"goes without {what}")
    loaded = _Loaded(names, parser)
    order = [name for name in names.authorities if name in loaded.records]
    records: dict[str, pl.DataFrame] = {name: loaded.records[name] for name in order}
    knowledge = know(records, loaded.synonyms, genus_alone=names.genus_alone)
    kept = records if names.verifier.enabled else {}
    return Known(knowledge, loaded.nodes, loaded.vernaculars, loaded.troubles, without, kept, loaded.synonyms)


class _Loaded:
    """The configured files, read one after the other so that only one is in memory in full."""

    def __init__(self, names: Names, parser: Parser) -> None:
        self.records: dict[str, pl.DataFrame] = {}
        self.vernaculars: dict[str, pl.DataFrame] = {}
        self.nodes: pl.DataFrame | None = None
        self.synonyms: pl.DataFrame | None = None
        self.troubles = findings.none()
        self._eol(names, parser)
        self._itis(names.itis, parser)
        self._inaturalist(names.inaturalist, parser)
        if names.resolved:
            self.records["resolved"] = authorities.as_records(
                authorities.read_resolved(names.resolved, parser), "resolved"
            )
        if names.taxonopy:
            table = authorities.read_taxonopy(names.taxonopy, parser)
            self.records["taxonopy"] = authorities.as_records(table, "taxonopy")
            self.vernaculars["taxonopy"] = common.from_table(table, "common_name", "taxonopy")

    def _eol(self, names: Names, parser: Parser) -> None:
        if names.eol_tree:
            tree = read_tree(names.eol_tree, parser)
            self.troubles = findings.of_tree(tree.nodes)
            self.nodes = authorities.tree_records(tree, parser)
            self.records["eol"] = authorities.as_records(self.nodes, "eol")
            self.synonyms = _rank_synonyms(tree.nodes)
        if names.eol_vernaculars:
            self.vernaculars["eol"] = common.from_eol(names.eol_vernaculars, self.nodes, parser)

    def _itis(self, path: Path | None, parser: Parser) -> None:
        if path:
            table = authorities.read_itis(path, parser)
            self.records["itis"] = authorities.as_records(table, "itis")
            self.vernaculars["itis"] = common.from_itis(table)

    def _inaturalist(self, path: Path | None, parser: Parser) -> None:
        if not path:
            return
        with authorities.inaturalist_folder(path) as folder:
            taxa = authorities.read_inaturalist(folder, parser)
            vernaculars = authorities.read_inaturalist_names(folder)
        self.records["inaturalist"] = authorities.as_records(taxa, "inaturalist")
        if vernaculars is not None:
            self.vernaculars["inaturalist"] = common.from_inaturalist(taxa, vernaculars)


def _rank_synonyms(nodes: pl.DataFrame) -> pl.DataFrame:
    """Synonyms of families to phyla, with the accepted name; not of names that are accepted at that rank somewhere."""
    ranked = nodes.filter(pl.col("rank").is_in(["family", "order", "class", "phylum"]))
    accepted = ranked.filter(pl.col("status") == "accepted").select("rank", "name").unique()
    synonyms = ranked.filter(pl.col("status") == "synonym")
    at_rank = pl.coalesce(pl.when(pl.col("rank") == rank).then(rank) for rank in ("family", "order", "class", "phylum"))
    pairs = synonyms.select("rank", "name", accepted=at_rank).filter(pl.col("accepted").fill_null("") != "").unique()
    return pairs.join(accepted, on=["rank", "name"], how="anti")


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
    config: Config, paths: Paths, sources: Sequence[Source], mapping: Path, listen: Listen = _silent
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
    config: Config, paths: Paths, sources: Sequence[Source], mapping: Path, listen: Listen = _silent
) -> NamesReport:
    """Name every image of the mapping, and write all that the stage writes; names.parquet last.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: an input that is configured is missing or malformed.
    """
    named = _named(config, paths, sources, mapping, listen)
    rows = _write(config, paths, sources, named, read_splits(mapping))
    return _report(named.table, named.findings, rows, named.known)


def _ask_verifier(
    config: Config, paths: Paths, rows: pl.DataFrame, known: Known, parser: Parser, listen: Listen
) -> Known:
    if not config.names.verifier.enabled or "verifier" not in config.names.authorities:
        return known
    from .verifier import add_answers

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


def _write(config: Config, paths: Paths, sources: Sequence[Source], named: _Named, splits: pl.DataFrame) -> int:
    vernaculars = named.known.vernaculars
    order = [vernaculars[name] for name in config.names.common_authorities if name in vernaculars]
    outputs.write_scientific_to_common(paths.scientific_to_common, common.by_name(order))
    numbered = outputs.with_classes(named.table.select("source", "name_key", *RANKS, "common"))
    for source in sources:
        own = numbered.filter(pl.col("source") == source.name)
        outputs.write_lookup(lookup_file(paths.naming, source.name), own)
    images = [(source, named.images[source.name]) for source in sources]
    count = outputs.write_predicted_catalog(paths.predicted_catalog, numbered, splits, images)
    with replacing(paths.name_findings) as temporary:
        named.findings.write_parquet(temporary, compression="zstd")
    with replacing(paths.name_findings_csv) as temporary:
        named.findings.write_csv(temporary)
    with replacing(paths.names) as temporary:
        named.table.write_parquet(temporary, compression="zstd")
    return count


def _report(table: pl.DataFrame, found: pl.DataFrame, rows: int, known: Known) -> NamesReport:
    keys = dict(table.group_by("source").len().sort("source").iter_rows())
    empty = table.filter(pl.all_horizontal(pl.col(rank) == "" for rank in RANKS))
    unnamed = dict(empty.group_by("source").len().sort("source").iter_rows())
    kinds = dict(found.group_by("kind").len().sort("kind").iter_rows())
    return NamesReport(keys, unnamed, kinds, rows, known.without)
