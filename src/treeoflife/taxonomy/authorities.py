"""The authorities: the configured taxonomies, read into records for resolving and vernaculars for common names."""

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from polars.exceptions import PolarsError

from ..config.tables import Names
from ..core.json_reader import parse_json
from ..core.values import RANKS
from ..errors import InputError
from . import findings, vernaculars
from .expressions import UPPER
from .parsing import Parser
from .records import clean_ranks, distinct_records, read_table, with_species
from .resolve import RecordIndex, index_records
from .tree import rank_synonyms, read_tree, tree_records

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
_INATURALIST = ("id", *UPPER, "specificEpithet", "scientificName", "taxonRank")


@dataclass(frozen=True)
class Authorities:
    """The content of all configured taxonomies.

    Attributes:
        index: the records, prepared for looking names up.
        eol_nodes: the records of EOL's tree with their nodes and pages, or None.
        vernaculars: common names by authority.
        tree_findings: what is wrong in EOL's tree.
        missing: descriptions of the files that are not configured.
        records: the records by authority, the most trusted first; kept only if the verifier may add to them.
        synonyms: the synonyms of phyla to families in EOL's tree, or None.
    """

    index: RecordIndex
    eol_nodes: pl.DataFrame | None
    vernaculars: Mapping[str, pl.DataFrame]
    tree_findings: pl.DataFrame
    missing: tuple[str, ...] = ()
    records: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    synonyms: pl.DataFrame | None = None

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
        InputError: a configured file is missing or malformed.
    """
    records: dict[str, pl.DataFrame] = {}
    common: dict[str, pl.DataFrame] = {}
    nodes, synonyms, tree_findings = _read_eol_tree(names.eol_tree, parser)
    if nodes is not None:
        records["eol"] = distinct_records(nodes)
    if names.eol_vernaculars:
        common["eol"] = vernaculars.from_eol(names.eol_vernaculars, nodes, parser)
    for authority, read in _READERS.items():
        path: Path | None = getattr(names, authority)
        if path is not None:
            records[authority], own_vernaculars = read(path, parser)
            common |= {} if own_vernaculars is None else {authority: own_vernaculars}
    ordered: dict[str, pl.DataFrame] = {name: records[name] for name in names.authorities if name in records}
    index = index_records(ordered, synonyms, genus_alone=names.genus_alone)
    missing = tuple(description for key, description in FILES.items() if getattr(names, key) is None)
    # The index has all of the records; only adding an authority to it needs them once more.
    kept = ordered if names.verifier.enabled else {}
    return Authorities(index, nodes, common, tree_findings, missing, kept, synonyms)


def _read_eol_tree(path: Path | None, parser: Parser) -> tuple[pl.DataFrame | None, pl.DataFrame | None, pl.DataFrame]:
    """The records, the synonyms and the findings of EOL's tree."""
    if path is None:
        return None, None, findings.empty()
    nodes = read_tree(path, parser)
    return tree_records(nodes, parser), rank_synonyms(nodes), findings.of_tree(nodes)


def _read_itis(path: Path, parser: Parser) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ITIS' chains of ranks. ``tsn``, its serial number, orders the vernaculars."""
    rows = read_table(path, _ITIS_RANKS, optional=_ITIS_VERNACULARS).rename(dict(zip(_ITIS_RANKS, RANKS, strict=True)))
    rows = rows.with_columns(tsn=pl.col("terminal_tsn").cast(pl.Int64, strict=False))
    table = with_species(clean_ranks(rows, parser), rows["species"], parser)
    return distinct_records(table), vernaculars.from_itis(table)


def _read_resolved(path: Path, parser: Parser) -> tuple[pl.DataFrame, None]:
    """resolved.jsonl. Each authority that answered for a name gives a record of its own."""
    schema = dict.fromkeys(("name", *RANKS), pl.String)
    rows = pl.DataFrame(list(_resolved_lines(path)), schema=schema, orient="row").unique()
    # Some authorities give no species; the name that they were asked about is one.
    species = rows.select(pl.when(pl.col("species") == "").then("name").otherwise("species").alias("species"))
    return distinct_records(with_species(clean_ranks(rows, parser), species["species"], parser)), None


def _resolved_lines(path: Path) -> Iterator[tuple[str, ...]]:
    """The name and the seven ranks of every answer in resolved.jsonl."""
    number, line = 0, ""
    try:
        with path.open(encoding="utf-8") as fd:
            for number, line in enumerate(fd, 1):  # noqa: B007 - the error names the line
                for name, answers in parse_json(line).items() if line.strip() else ():
                    for ranks in answers.values():
                        yield (name, *(str(ranks.get(rank) or "") for rank in RANKS))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError):
        expected = "{name: {authority: {rank: value}}}"
        raise InputError(f"{path}, line {number}: expected {expected}, got {line[:120]!r}") from None


def _read_taxonopy(path: Path, parser: Parser) -> tuple[pl.DataFrame, pl.DataFrame]:
    """TaxonoPy's resolved names: one Parquet file, or a folder of them."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"[names] taxonopy: there is no Parquet file in {path}")
    try:
        rows = pl.concat([_taxonopy_part(file) for file in files]).unique()
    except (OSError, PolarsError) as error:
        raise InputError(f"[names] taxonopy: {path} cannot be read: {error}".splitlines()[0]) from None
    table = with_species(clean_ranks(rows, parser), rows["species"], parser)
    return distinct_records(table), vernaculars.from_table(table, "common_name", "taxonopy")


def _taxonopy_part(file: Path) -> pl.DataFrame:
    scan = pl.scan_parquet(file, glob=False)
    present = scan.collect_schema().names()
    missing = [rank for rank in RANKS if rank not in present]
    if missing:
        raise InputError(f"[names] taxonopy: {file} lacks the column {missing[0]}")
    columns = [
        (pl.col(name).cast(pl.String).fill_null("") if name in present else pl.lit("").alias(name))
        for name in (*RANKS, "scientific_name", "common_name")
    ]
    # TaxonoPy writes a row per input record; the distinct names among them are far fewer.
    return scan.select(columns).unique().collect()


def _read_inaturalist(path: Path, parser: Parser) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """iNaturalist's taxa and, where the archive has them, its English names."""
    with _inaturalist_folder(path) as folder:
        rows, names = read_table(folder / "taxa.csv", _INATURALIST), _inaturalist_names(folder)
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
    return distinct_records(taxa), None if names is None else vernaculars.from_inaturalist(taxa, names)


def _inaturalist_names(folder: Path) -> pl.DataFrame | None:
    path = folder / "VernacularNames-english.csv"
    if not path.exists():
        return None
    rows = read_table(path, ("id", "vernacularName"), optional=("language", "locality", "created"))
    # The file is called English, so an empty language is English as well.
    is_english = pl.col("language").str.to_lowercase().is_in(["en", "eng", "english", ""])
    return rows.filter(is_english).rename({"vernacularName": "common"})


@contextmanager
def _inaturalist_folder(path: Path) -> Iterator[Path]:
    """The folder with iNaturalist's tables: ``path`` itself, or a temporary one into which its zip is unpacked."""
    if path.is_dir():
        yield path
        return
    with TemporaryDirectory(prefix="treeoflife-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(folder))
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"[names] inaturalist: {path} is neither a folder nor a zip: {error}") from None
        yield Path(folder)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Unpack the two tables alone, under fixed names: a member's name may point outside the folder."""
    for table in ("taxa.csv", "VernacularNames-english.csv"):
        member = next((name for name in archive.namelist() if name.rsplit("/", 1)[-1] == table), None)
        if member is not None:
            with archive.open(member) as source, (folder / table).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


_READERS = {
    "itis": _read_itis, "inaturalist": _read_inaturalist, "resolved": _read_resolved, "taxonopy": _read_taxonopy,
}  # fmt: skip
"""For each key of ``[names]``, the function that reads its records and its vernaculars."""
