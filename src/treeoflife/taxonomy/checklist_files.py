"""Opening checklists of any format. Their readers are not here yet."""

from pathlib import Path

from ..core.database import Database
from ..errors import InputError
from .checklist import Checklist


def open_checklist(name: str, path: Path, folder: Path, database: Database) -> Checklist:  # noqa: ARG001
    """A checklist as tables of Parquet."""
    raise InputError(f"[names] checklists.{name}: {path} is of no format that can be read")
