"""Sources whose images are on the web: tables list their addresses, and the stage ``fetch`` brings them into archives.

A kind of such a source says how its tables are read, by :meth:`ListedImages.list_images`; all the rest is here.
"""

from pathlib import Path

from ..core.database import Database
from ..core.values import RANKS
from .base import ABOUT_COLUMNS, Source

LISTED_COLUMNS = (
    "url", *RANKS, "scientific_name", "taxon_rank", "common_name", *ABOUT_COLUMNS, "flags", "problem",
)  # fmt: skip
"""The columns of the table ``listed`` beside those of the natural key; all are texts, null or empty where unknown.

``url`` is the address of the picture. ``species`` is the epithet alone, or the binomial where the provider's table has
that. ``taxon_rank`` is the rank of ``scientific_name``. ``flags`` are the provider's own remarks about the row, joined
by ``;``. ``problem`` says in a sentence why a row cannot be used, such as one without an address: it becomes a row of
the ledger."""


class ListedImages(Source):
    """What all sources have in common whose images are listed with their addresses."""

    def tables(self) -> list[Path]:
        """The files that :meth:`list_images` reads: when one changes, they are read again.

        Raises:
            InputError: one is missing, or is not what the source reads; the message says what to do instead.
        """
        raise NotImplementedError

    def list_images(self, database: Database) -> None:
        """Make the images known as the table ``listed``, in no order, in bounded memory.

        It has the source's ``columns`` (BIGINT or VARCHAR), and :data:`LISTED_COLUMNS`. An image that the settings
        exclude is not in it. A natural key may occur more than once: the images are the same then.

        Raises:
            InputError: a table is malformed.
        """
        raise NotImplementedError
