"""Two builds of a dataset, or catalogs of any: the samples of each, for ``treeoflife diff``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.paths import Paths
from ..core.database import Database, column, quoted
from ..core.progress import Listener
from ..core.table_changes import SIDES, Comparison
from ..core.values import NAME_COLUMNS, RANKS, SPLITS
from ..errors import InputError
from ..mapping.ids import plain_id
from ..mapping.images import catalog_names
from ..mapping.natural_keys import joined_sql
from ..shards.pack import planned_shards
from ..sources.base import PROVENANCE_COLUMNS, Source
from ..sources.columns import IDENTIFYING_KEYS
from ..sources.lists.listed_columns import first_filled, name_columns, own_species, shown
from ..sources.lists.text_columns import Table
from ..sources.registry import load_source
from ..sources.spellings import plain_header
from .workspace import Workspace

_LABELS = ("treeoflife_id", "source", "natural_key")
_LICENCE = ("license_name", "license_link")


@dataclass(frozen=True)
class Samples:
    """The samples of one side.

    Attributes:
        path: the catalog; of a build, its own.
        sources: of a build, where its images come from.
        texts: the columns with the texts of samples beside the ten captions.
        workspace: the build; None for a catalog by itself, which says nothing of pictures.
    """

    path: Path
    sources: tuple[Source, ...]
    texts: tuple[str, ...]
    workspace: Workspace | None = None

    @property
    def provenance(self) -> Path | None:
        """The table of what is known of the images beside their names, if there is one."""
        path = self.workspace.paths.provenance if self.workspace else None
        return path if path and path.is_file() else None


def samples_of_build(workspace: Workspace) -> Samples:
    """The samples in the shards of a build.

    Raises:
        InputError: it is not finished, or has no plan any more.
    """
    paths, config = workspace.paths, workspace.paths.config
    if not paths.catalog.is_file() or not (shards := planned_shards(paths)):
        raise InputError(
            f"there is no {paths.catalog}, or no plan for it: 'treeoflife build --config {config}' makes both"
        )
    if missing := next((one for one in shards if not one.index.is_file()), None):
        raise InputError(
            f"the dataset {paths.root} is not finished, it lacks {missing.index}: 'treeoflife build --config {config}' "
            "makes it"
        )
    return Samples(paths.catalog, workspace.sources, tuple(shards[0].further.planned), workspace)


def samples_of_catalog(path: Path) -> Samples:
    """The samples that a catalog lists.

    Raises:
        InputError: it cannot be read, or has no column treeoflife_id.
    """
    names = list(Table.of(path).columns)
    if "treeoflifeid" not in map(plain_header, names):
        raise InputError(f"{path} is no catalog: it has no column treeoflife_id, but {shown(names)}")
    texts = names[names.index("common") + 1 :] if "common" in names else []
    return Samples(path, (), tuple(texts))


def compare_samples(database: Database, before: Samples, after: Samples, listener: Listener) -> Comparison:
    """Make the samples of two builds or catalogs known as the sides of a comparison; see :mod:`..core.table_changes`.

    Raises:
        InputError: a catalog cannot be read.
    """
    both, builds = (before, after), [one for one in (before, after) if one.workspace]
    comparison = _comparison(before, after)
    for what, columns_ in (("pictures", "picture"), ("licences and owners", "licence")):
        if columns_ not in comparison.kinds:
            lacking = next(one.path for one in both if not (one.provenance if columns_ == "licence" else one.workspace))
            listener.note(f"{what} are not compared: {lacking} says nothing of them")
    sources = {source.name: source for one in builds for source in one.sources}
    for side, own in zip(SIDES, both, strict=True):
        if own.workspace:
            _open_build(database, side, own, own.workspace.paths, comparison)
        else:
            for remark in _open_catalog(database, side, own, tuple(sources.values()), comparison):
                listener.note(f"{own.path}: {remark}")
    return comparison


def _comparison(before: Samples, after: Samples) -> Comparison:
    are_builds = before.workspace is not None and after.workspace is not None
    # Of two builds, all texts are known: those that one lacks were added. A catalog need not have all.
    texts = dict.fromkeys((*before.texts, *after.texts)) if are_builds else [
        name for name in before.texts if name in after.texts
    ]  # fmt: skip
    kinds: dict[str, tuple[str, ...]] = {
        "id": ("treeoflife_id",), "key": ("natural_key",), "split": ("split",), "name": NAME_COLUMNS,
    }  # fmt: skip
    if are_builds:
        kinds["picture"] = ("sha256",)
    kinds["text"] = tuple(texts)
    more: tuple[str, ...] = ()
    if before.provenance and after.provenance:
        kinds["licence"] = _LICENCE
        kinds["provenance"] = tuple(name for name in PROVENANCE_COLUMNS if name not in _LICENCE)
        more = PROVENANCE_COLUMNS
    return Comparison(_LABELS, {kind: names for kind, names in kinds.items() if names}, "split", more)


def _open_build(database: Database, side: str, samples: Samples, paths: Paths, comparison: Comparison) -> None:
    """Make the samples in the shards of a build known."""
    rows = []
    for split in SPLITS:
        if indexes := [task.index for task in planned_shards(paths) if task.shard.parent.name == split]:
            database.view(f"{side}_{split}", indexes, named="shard_index")
            rows.append(f"SELECT *, '{split}' AS in_split FROM {side}_{split}")
    texts = []
    for name in comparison.kinds.get("text", ()):
        value = f"coalesce({column(name)}, '')" if name in samples.texts else "''"
        texts.append(f", {value} AS {column(name)}")
    open_rows(database, side, " UNION ALL BY NAME ".join(rows), f"""
        treeoflife_id AS id, treeoflife_id, source, {_key_of_build(samples.sources)} AS natural_key,
        {", ".join(f"coalesce({column(name)}, '') AS {column(name)}" for name in NAME_COLUMNS)},
        lower(hex(sha256)) AS sha256{"".join(texts)}
    """)  # fmt: skip
    if comparison.more and samples.provenance:
        database.view(f"{side}_provenance", [samples.provenance])
        values = ", ".join(f"coalesce({column(name)}, '') AS {column(name)}" for name in comparison.more)
        database.run(f"CREATE VIEW {side}_more AS SELECT treeoflife_id AS id, {values} FROM {side}_provenance")
    if paths.ledger.is_file():
        database.view(f"{side}_ledger", [paths.ledger])
        why = f"SELECT treeoflife_id AS id, reason FROM {side}_ledger WHERE treeoflife_id IS NOT NULL"
        database.run(f"CREATE VIEW {side}_absent AS {why}")
    else:
        database.run(f"CREATE TABLE {side}_absent (id VARCHAR, reason VARCHAR)")


def open_rows(database: Database, side: str, rows: str, values: str) -> None:
    """Make a row per sample known as one side of a comparison, of rows with ``in_split``: an image of train_small has a
    row for train too, or should have."""
    database.run(f"CREATE VIEW {side}_row AS SELECT in_split, {values} FROM ({rows})")
    database.make(f"{side}_small", f"SELECT DISTINCT id FROM {side}_row WHERE in_split = 'train_small'")
    database.run(f"""
        CREATE VIEW {side} AS
        SELECT row.* EXCLUDE (in_split), if(small.id IS NULL, in_split, 'train_small') AS split,
            source || '/' || nullif(natural_key, '') AS other_id
        FROM {side}_row AS row
        LEFT JOIN {side}_small AS small ON small.id = row.id
        WHERE in_split <> 'train_small'
    """)


def _key_of_build(sources: Sequence[Source]) -> str:
    """SQL for the natural key of an image in the index of a shard."""
    cases = " ".join(f"WHEN {quoted(one.name)} THEN {_joined_key(one)}" for one in sources)
    return f"coalesce(CASE source {cases} END, '')"


def _joined_key(source: Source) -> str:
    names = catalog_names(source)
    return joined_sql({names[name]: source.columns[name] for name in source.key})


def _open_catalog(
    database: Database, side: str, samples: Samples, sources: Sequence[Source], comparison: Comparison
) -> list[str]:
    """Make the rows of a catalog known; returns sentences on what had to be guessed about it."""
    table = Table.of(samples.path)
    names = list(table.columns)
    plain = {plain_header(name): name for name in names}
    table.open(database, f"{side}_file", names)
    meanings = name_columns(samples.path, names, "")
    values = {rank: first_filled(meanings[rank]) for rank in RANKS} | {"species": own_species(meanings)}
    values["common"] = first_filled(meanings["common_name"])
    known = [*sources, *(load_source(name, {"path": "."}, Path()) for name in IDENTIFYING_KEYS)]
    own_id, split = plain["treeoflifeid"], plain.get("split")
    source, key = _key_of_catalog(known, names, [own_id, split or "", *_not_keys(names)])
    texts = "".join(f", {column(name)}" for name in comparison.kinds.get("text", ()))
    rows = f"SELECT *, {f'lower({column(split)})' if split else quoted('')} AS in_split FROM {side}_file"
    named = ", ".join(f"{value} AS {column(name)}" for name, value in values.items())
    open_rows(database, side, rows, f"""
        {plain_id(column(own_id))} AS id, id AS treeoflife_id, {source} AS source, {key} AS natural_key,
        {named}{texts}
    """)  # fmt: skip
    twice = database.rows(f"""
        SELECT id FROM {side} GROUP BY id HAVING count(*) > 1 OR id = '' ORDER BY id LIMIT 1
    """)  # fmt: skip
    if twice:
        raise InputError(f"{samples.path}: the id {twice[0][0]!r} stands in several rows of one split, or is empty")
    database.run(f"CREATE TABLE {side}_absent (id VARCHAR, reason VARCHAR)")
    return list(table.remarks)


def _not_keys(names: Sequence[str]) -> list[str]:
    """The columns from the ranks on: a catalog has those of natural keys before them."""
    first = next((number for number, name in enumerate(names) if plain_header(name) in RANKS), len(names))
    return list(names[first:])


def _key_of_catalog(sources: Sequence[Source], names: Sequence[str], others: Sequence[str]) -> tuple[str, str]:
    """SQL for the source and the natural key of a row of a catalog; an unknown source is empty."""
    known = [one for one in sources if set(one.catalog) <= set(names)]
    of_known = {name for one in known for name in one.catalog}
    free = [name for name in names if name not in of_known and name not in others]
    filled = [" AND ".join(f"{column(catalog_names(one)[part])} <> ''" for part in one.key) for one in known]
    cases = [f"WHEN {has} THEN {{}}" for has in filled]
    source = " ".join(case.format(quoted(one.name)) for case, one in zip(cases, known, strict=True))
    key = " ".join(f"WHEN {has} THEN {_joined_key(one)}" for has, one in zip(filled, known, strict=True))
    parts = ", ".join(f"nullif({column(name)}, '')" for name in free)
    rest = f"concat_ws('/', {parts})" if free else "''"
    return (f"CASE {source} ELSE '' END", f"CASE {key} ELSE {rest} END") if known else ("''", rest)
