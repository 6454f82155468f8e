"""Files of scores by ``treeoflife_id``: those that were read from tables of others, and those that commands make.

Such a file is Parquet with the column ``treeoflife_id``, sorted by it, each id once, and columns of numbers (floats,
NaN or null where there is none) or texts. A command that makes scores writes one to ``paths.own_score(NAME)``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from ...config.paths import Paths
from ...core.files import exists
from ...core.json_reader import parse_json
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...core.text import reason
from ...errors import InputError

ID = "treeoflife_id"
SCORES = "scores."
"""How the columns of scores begin in a catalog, none of whose other columns has a dot."""


@dataclass(frozen=True)
class ScoreColumn:
    """What a column of scores holds.

    Attributes:
        kind: numbers or texts.
        example: of a column of texts, the first that is no number.
        place: where in the table that stands, such as ``line 7``.
    """

    kind: Literal["number", "text"]
    example: str = ""
    place: str = ""


@dataclass(frozen=True)
class ScoreFile:
    """A file of scores.

    Attributes:
        name: what the scores are called.
        columns: its columns beside the id.
        meta: what was noted when it was made, such as the number of rows that are of no image.
    """

    name: str
    path: Path
    columns: Mapping[str, ScoreColumn]
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, name: str, path: Path) -> "ScoreFile":
        """The file at a path.

        Raises:
            InputError: it cannot be read, or lacks the column of ids.
        """
        try:
            schema = parquet_schema(path)
            meta = parse_json(pl.read_parquet_metadata(path).get("treeoflife", "{}"), own=True)
        except (*PARQUET_ERRORS, ValueError) as error:
            raise InputError(f"the scores {path} cannot be read: {reason(error)}") from None
        if ID not in schema:
            raise InputError(
                f"the scores {path} have no column {ID}: name the file as path in [scores.{name}] of dataset.toml, "
                "which says what it knows images by"
            )
        noted = meta.get("columns", {}) if isinstance(meta, dict) else {}
        columns = {
            one: ScoreColumn(**noted[one]) if one in noted else ScoreColumn("number" if kind.is_numeric() else "text")
            for one, kind in schema.items()
            if one != ID and (kind.is_numeric() or kind in (pl.String, pl.Categorical))
        }
        return cls(name, path, columns, meta if isinstance(meta, dict) else {})

    def scan(self) -> pl.LazyFrame:
        """The scores, a row per image: numbers as floats, null where there is none."""
        kinds = {"number": pl.Float64, "text": pl.String}
        values = [pl.col(name).cast(kinds[one.kind]) for name, one in self.columns.items()]
        rows = pl.scan_parquet(self.path, glob=False).select(pl.col(ID).cast(pl.String), *values)
        return rows.with_columns(pl.col(pl.Float64).fill_nan(None))

    @property
    def numbers(self) -> list[str]:
        """The columns that hold numbers."""
        return [name for name, one in self.columns.items() if one.kind == "number"]


def noted(columns: Mapping[str, ScoreColumn]) -> dict[str, Any]:
    """What the metadata of a file says of its columns."""
    return {name: asdict(one) for name, one in columns.items()}


def score_paths(paths: Paths, configured: Sequence[str]) -> dict[str, Path]:
    """The files of all scores, by name: those of the configuration that were read, and others in OUT/scores."""
    own = {path.stem: path for path in sorted(paths.own_scores.glob("*.parquet")) if path.stem not in configured}
    read = {name: paths.score(name) for name in configured if exists(paths.score(name))}
    return dict(sorted((own | read).items()))


def score_files(paths: Paths, configured: Sequence[str]) -> list[ScoreFile]:
    """The same, opened.

    Raises:
        InputError: a file cannot be read.
    """
    return [ScoreFile.open(name, path) for name, path in score_paths(paths, configured).items()]
