"""Captions of one's own, beside the ten that every sample has."""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from .base import Model


class Caption(Model):
    """A caption of your own beside the ten fixed ones: [captions.NAME] makes the text ID.NAME.txt, from a template or
    from a table. A change packs shards again; no image is decoded."""

    text: str | tuple[str, ...] = ()
    """A template, such as "a photo of {common}, a {rank_name} of the family {family}."; or a list of them, of which the
    first counts whose placeholders all have a value. A sample for which there is none lacks the text."""
    table: Path | None = None
    """A table of captions, as CSV or other text, Parquet or Excel, with a row per image, in place of a template."""
    column: str = "caption"
    """The column of the table with the captions."""
    by: Literal["treeoflife_id", "file", "source_id", "source_url"] = "treeoflife_id"
    """What the table knows images by: their ids; or file, as hold-out lists name them; or source_id or source_url, as
    metadata/provenance.parquet has them."""
    key_column: str = ""
    """The column of the table with these; empty: the one called like the value of by, or id or uuid for ids."""
    separator: str | None = None
    """What to put between the captions of an image that has several rows, in the order of the rows; if not set, rows of
    one image that differ are an error."""

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates, in the order in which they are tried."""
        return (self.text,) if isinstance(self.text, str) else self.text

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.text) == bool(self.table):
            raise ValueError("needs either text, a template, or table, a table of captions")
        return self
