"""Looking at tables that list images on the web, and writing the dataset.toml that fits them."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..config.config import Config
from ..config.paths import Paths, real_path, require_utf8
from ..config.tables import Images, Names
from ..core.database import open_database
from ..errors import ConfigError
from ..sources.lists.listed import ListedImages
from ..sources.registry import load_source
from . import init_names
from .discovery import Discovery, chosen_images
from .kept_names import names_beside
from .listed_kinds import Described
from .listed_survey import survey


def discover_listed(describe: Callable[[Path], Described], raw: Path, out: Path) -> Discovery:
    """Look at tables that list images, as far as to count what is in them.

    Args:
        describe: of :data:`.listed_kinds.LISTED`.
        raw: the table, or the folder with the tables; it may hold tables of names too.
        out: the folder of the dataset, which has room for tables that do not fit into memory.

    Raises:
        ConfigError: there is no such file or folder.
        InputError: a table cannot be read, or no row of it can be used.
    """
    raw = real_path(raw)
    require_utf8(raw)
    if not raw.exists():
        raise ConfigError(f"there is no file or folder {raw}")
    name, settings, found = describe(raw)
    source = load_source(name, settings, raw.parent)
    assert isinstance(source, ListedImages)
    names = names_beside(raw if raw.is_dir() else raw.parent)
    config = Config(sources={name: settings}, names=names, images=chosen_images())
    counted, advice = _survey(source, names, out)
    return Discovery(config, (*_tables(source.tables()), *found, *counted), (), (*source.remarks(), *advice, _CONTACT))


def _tables(files: list[Path]) -> list[str]:
    """Lines that name the tables; those in one folder together, if they are many."""
    if len(files) > _MANY:
        return [f"tables: {len(files):,} files in {os.path.commonpath([file.parent for file in files])}"]
    return [f"table: {path}" for path in files]


_MANY = 12
_CONTACT = (
    "before the build, set contact in [fetch] of dataset.toml to your e-mail address or web page: "
    "it tells hosts who asks them"
)


def _survey(source: ListedImages, names: Names, out: Path) -> tuple[list[str], list[str]]:
    """Lines on what is in the tables, and advice on names."""
    scratch = Paths(out, Images()).scratch
    try:
        with open_database(scratch) as database:
            counted = survey(source, database)
            about_names, advice = init_names.describe(init_names.labels_listed(database), names)
            return [*counted, *about_names], advice
    finally:
        for folder in (scratch, out):  # if there was none before, and the tables are refused
            with suppress(OSError):
                folder.rmdir()
