"""The files that names are made from, and all that the authorities in them have to say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..config.tables import Names
from . import authorities, common, findings
from .parsing import Parser
from .resolve import Knowledge, know
from .tree import read_tree

Listen = Callable[[str], None]

FILES = {
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
    missing = [f"{FILES[key]}: no {folder / _PLACES[key][0]}" for key, path in there.items() if path is None]
    return Names(**{key: path for key, path in there.items() if path is not None}), missing  # type: ignore[arg-type]


def silent(line: str) -> None:
    """Hear nothing."""


def load(names: Names, parser: Parser, listen: Listen = silent) -> Known:
    """Read every authority that is configured; ``listen`` hears what the run goes without.

    Raises:
        InputError: a file that is configured is missing or malformed.
    """
    without = tuple(what for key, what in FILES.items() if getattr(names, key) is None)
    if without:
        listen(f"goes without {', '.join(without)}")
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
