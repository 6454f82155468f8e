"""Sources whose tables have more columns than are read for names and provenance: any of them can go into samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..core.database import Database, quoted

# Line ends and other characters that show nothing would break tables and trainers' lines; all else stays as written.
_UNPRINTABLE = r"[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}]+"
_SPACES = " \u00a0\u3000"


@runtime_checkable
class ColumnTables(Protocol):
    """What a source has that offers the columns of its tables; a plug-in may have it too."""

    def column_files(self) -> list[Path]:
        """The files that the other methods read: when one changes, the columns are read again.

        Raises:
            InputError: one is missing.
        """

    def table_columns(self) -> list[str]:
        """The columns of its tables, as they are called there. This must be cheap: no table is read to its end.

        Raises:
            InputError: a table is missing or malformed.
        """

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """Make the values of columns known as the table ``said``.

        It has the source's columns that make up the natural key, and those of ``wanted``, as texts, null or empty where
        there is no value. A natural key may be there several times, or not at all.

        Args:
            wanted: columns of :meth:`table_columns`, each by the name that it has in ``said``.

        Raises:
            InputError: a table is malformed.
        """


def clean_text(value: str) -> str:
    """SQL for a text on one line without spaces around it, null where that is nothing."""
    return f"nullif(trim(regexp_replace({value}::VARCHAR, {quoted(_UNPRINTABLE)}, ' ', 'g'), {quoted(_SPACES)}), '')"
