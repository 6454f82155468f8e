"""``treeoflife names match`` and ``treeoflife.match_names``: a table of labels in, lineages with reasons out."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.config import config_file, load
from ..config.paths import Paths, real_path
from ..config.tables import Names
from ..core.database import Database, open_database
from ..core.files import replacing
from ..core.tables import escape_formulas, write_parquet
from ..errors import ConfigError, InputError
from ..sources.lists.label_list import PARTS, LabelFile, open_label_file, open_labels
from ..taxonomy.match import Matches, match_labels
from .kept_names import default_names

Labels = str | os.PathLike[str] | pl.DataFrame | Iterable[str]
Note = Callable[[str], None]


def match_names(
    labels: Labels,
    *,
    column: str = "",
    taxonomies: Sequence[str | os.PathLike[str]] = (),
    config_path: str | os.PathLike[str] | None = None,
) -> pl.DataFrame:
    """The lineage of each label, and why ranks are missing in it.

    Args:
        labels: the path of a table, or of a text with a name on each line; a Polars frame with some of the columns
            scientific_name, taxon_rank, common_name, kingdom … species; or names.
        column: the column with the scientific names, if it is called otherwise.
        taxonomies: checklists to use beside the built-in taxonomy and those that were downloaded, the most trusted
            first.
        config_path: a dataset.toml, or the folder with it: its ``[names]`` are used instead.

    Returns:
        A row per label in order, with the columns of :data:`treeoflife.taxonomy.match.COLUMNS`.

    Raises:
        InputError: a table cannot be read, or has no column with names.
        ConfigError: the configuration is wrong.
    """
    names, cache = names_for(None if config_path is None else Path(config_path), [Path(one) for one in taxonomies])
    with matching(labels, column, names, cache) as (matches, _):
        return pl.concat(list(matches.pieces()))


def names_for(config_path: Path | None, taxonomies: Sequence[Path]) -> tuple[Names, Path | None]:
    """What labels are named by, and where answers of GNVerifier are kept, if it may be asked.

    Args:
        config_path: a dataset.toml, whose ``[names]`` hold; without it, the built-in taxonomy is used, and the one that
            was downloaded last.
        taxonomies: checklists that come before all others.

    Raises:
        ConfigError: the configuration is wrong, or two taxonomies have one name.
    """
    names, cache = default_names(), None
    if config_path is not None:
        config = load(config_path)
        names = config.names.model_copy(update={"built_in": config.uses_built_in})
        cache = Paths(config_file(config_path).parent, config.images).verifier_cache
    checklists = {_checklist_name(path): real_path(path) for path in taxonomies}
    if len(checklists) < len(taxonomies):
        raise ConfigError("two of the taxonomies have the same name; rename one")
    names = names.model_copy(update={"checklists": checklists | names.checklists})
    first = next(iter(checklists), names.backbone)
    return names.model_copy(update={"backbone": first}), cache


def _checklist_name(path: Path) -> str:
    """What a taxonomy is called that its path alone names.

    >>> _checklist_name(Path("backbone/COL 2026.zip"))
    'col_2026'
    """
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    return name if name[:1].isalpha() else f"taxonomy_{name}".rstrip("_")


@contextmanager
def matching(
    labels: Labels, column: str, names: Names, cache: Path | None = None, note: Note = lambda _: None
) -> Iterator[tuple[Matches, LabelFile]]:
    """Match labels; the result can be read within the context.

    Args:
        labels: see :func:`match_names`.
        cache: where GNVerifier's answers are kept; None: they are forgotten.
        note: receives lines on what had to be guessed, repaired or left out.

    Raises:
        InputError: a table cannot be read, or has no column with names.
    """
    with TemporaryDirectory(prefix="treeoflife-") as scratch, open_database(Path(scratch)) as database:
        file = _open(labels, column, database)
        for remark in file.remarks:
            note(remark)
        yield match_labels(names, database, cache or Path(scratch) / "verifier.sqlite", note), file


def _open(labels: Labels, column: str, database: Database) -> LabelFile:
    if isinstance(labels, str | os.PathLike):
        return open_label_file(Path(labels), column, database)
    if isinstance(labels, pl.DataFrame):
        frame = labels.rename({column: "scientific_name"}) if column else labels
        used = [name for name in PARTS if name in frame.columns]
        if not used:
            raise InputError(f"the frame has none of the columns {', '.join(PARTS)}; it has {', '.join(frame.columns)}")
        open_labels(frame.select(pl.col(used).cast(pl.String)), database)
        return LabelFile({name: [name] for name in used}, place="row")
    open_labels(pl.DataFrame({"scientific_name": list(labels)}, schema={"scientific_name": pl.String}), database)
    return LabelFile({}, place="row")


@contextmanager
def standard_input(path: Path) -> Iterator[Path]:
    """The path of a file with what comes by standard input, if ``path`` is ``-``; else the path itself."""
    if str(path) != "-":
        yield path
        return
    with TemporaryDirectory(prefix="treeoflife-") as folder:
        file = Path(folder) / "labels.txt"
        with file.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target)
        yield file


def write_matches(matches: Matches, path: Path) -> None:
    """Write the labels with their names as CSV, or as Parquet if the name of the file ends so; whole or not at all."""
    if path.suffix.lower() in (".parquet", ".pq"):
        pieces = matches.pieces()
        write_parquet(path, next(pieces).schema, lambda: pieces)
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        print_csv(matches, fd.write)


def print_csv(matches: Matches, write: Callable[[str], object]) -> None:
    """Pass the labels with their names on as the text of a CSV."""
    for number, piece in enumerate(matches.pieces()):
        # Null, because an empty text is written as a pair of quotation marks.
        texts = escape_formulas(piece).with_columns(pl.col(pl.String).replace("", None))
        write(texts.write_csv(include_header=number == 0))
