"""Scores: numbers and texts about images that come from outside, and what is decided by them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .base import Model

ScoreName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,59}$")]
"""What a table of scores may be called: its name is part of a file's, and of the catalog's columns."""


class Score(Model):
    """Scores of images, from a detector, a model or a person: [scores.NAME] is one table of them, with a row per image.
    See docs/scores.md. A change in this table decodes no image."""

    path: Path | None = None
    """The table: CSV or other text, Parquet, Excel, or JSON of MegaDetector or SpeciesNet. If not set: the file
    scores/NAME.parquet beside this one."""
    format: Literal["auto", "table", "megadetector", "speciesnet"] = "auto"
    """What the file is; auto finds out by its content."""
    by: Literal["auto", "treeoflife_id", "file", "url", "source_id"] = "auto"
    """What the table knows images by: their ids; the names of their files, with any folders before them; their
    addresses; or the ids that their sources give them. auto: by the column that is called so."""
    key_column: str = ""
    """The column with these; empty: the one called like the value of by, or in another usual way, such as filename."""
    columns: tuple[str, ...] = ()
    """The columns to read; empty: all but those with keys."""
    repeated: Literal["error", "first", "last", "min", "max"] = "error"
    """What counts if an image has several rows that differ. error: the build stops and names two of them. first, last:
    of the rows. min, max: of each column by itself."""
    drop: str | tuple[str, ...] = ()
    """The images to leave out, such as "animal < 0.2", or a list of such rules. The ledger gives the reason score."""
    find: str | dict[str, str] = {}  # noqa: RUF012 - as in all models, it is copied and frozen
    """The images to report as findings, in place of leaving them out: a rule; or several, as { name = "rule" }."""
    catalog: tuple[str, ...] = ()
    """Columns of the table to put into the catalog, where they are called scores.NAME.COLUMN."""
    allow_unmatched: bool = False
    """Build even if no row of the table is of an image of the dataset. Otherwise that is an error."""

    @property
    def drop_rules(self) -> tuple[str, ...]:
        """The rules that leave images out."""
        rules = (self.drop,) if isinstance(self.drop, str) else self.drop
        return tuple(rule for rule in rules if rule.strip())

    def kinds(self, name: str) -> dict[str, str]:
        """The rules that make findings, each by its kind.

        Args:
            name: what the table of scores is called.

        >>> Score(find="person > 0.5").kinds("detector"), Score(find={"people": "person > 0.5"}).kinds("detector")
        ({'scores.detector': 'person > 0.5'}, {'scores.detector.people': 'person > 0.5'})
        """
        if isinstance(self.find, str):
            return {f"scores.{name}": self.find} if self.find.strip() else {}
        return {f"scores.{name}.{kind}": rule for kind, rule in self.find.items()}
