"""Looking at a folder of raw data, and writing the dataset.toml that fits it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config.config import Config
from ..config.paths import real_path, require_utf8
from ..config.tables import Holdout, Mapping, Names
from ..config.writer import render_config
from ..core.table_files import TABLE_SUFFIXES
from ..errors import ConfigError
from ..sources.archived_folders import is_partly_unpacked
from ..sources.folder import Folder
from ..sources.registry import settings_class
from ..taxonomy.authorities import find_files

_FOLDERS = {
    "eol": ("eol", "EOL"),
    "inat21": ("inat21/train", "inat21", "iNat21/train"),
    "bioscan": ("bioscan", "bioscan/images/cropped_256", "BIOSCAN"),
}
_BIOSCAN = ("BIOSCAN_Insect_Dataset_metadata.jsonld", "BIOSCAN_Insect_Dataset_metadata.tsv")


@dataclass(frozen=True)
class Discovery:
    """What a folder of raw data holds: a configuration for it, what was found and what was not, and what is odd."""

    config: Config
    found: tuple[str, ...]
    missing: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The dataset.toml."""
        return render_config(self.config, settings_class)


def discover(kind: str, raw: Path, table: Path | None = None, file_column: str = "") -> Discovery:
    """Look at raw data.

    Args:
        kind: original, from the providers' files; published, from the published mapping and lookups; folder,
            from anybody's photographs.
        table: for a folder of photographs, the table that says what they show; found if there is but one.
        file_column: the column of the table with the photographs' files; empty for that with a usual name.

    Raises:
        ConfigError: the folder is not there, or nothing in it is known.
        InputError: the table cannot be read, or no row of it names a photograph.
    """
    raw = real_path(raw)
    require_utf8(raw)
    if not raw.is_dir():
        raise ConfigError(f"there is no folder {raw}; --raw names the folder that holds the downloaded files")
    return _folder(raw, table, file_column) if kind == "folder" else _providers(kind, raw)


def _folder(raw: Path, table: Path | None, file_column: str) -> Discovery:
    tables = [real_path(table)] if table else _tables(raw)
    if len(tables) != 1:
        there = ", ".join(path.name for path in tables) or "none"
        raise ConfigError(
            f"name the table that says what the photographs in {raw} show with --table; in it there is {there}"
        )
    require_utf8(tables[0])
    photos = {"kind": "folder", "path": str(raw), "table": str(tables[0]), "file_column": file_column}
    source = Folder("photos", Folder.Settings.model_validate({k: v for k, v in photos.items() if k != "kind"}))
    parts = sum(len(one.members) for one in source.containers() if one.name.startswith("part-"))
    survey = source.survey()
    present = (f"photos: {parts:,} images in {raw}", f"table: {tables[0]}", *survey.found())
    names = find_files(raw)[0]
    return Discovery(Config(sources={"photos": photos}, names=names), present, (), tuple(source.remarks()))


def _tables(raw: Path) -> list[Path]:
    """The files in a folder that are tables by their names; texts only if there is no other."""
    files = sorted(path for path in raw.iterdir() if path.is_file() and not path.name.startswith((".", "~")))
    tables = [path for path in files if path.suffix.lower() in TABLE_SUFFIXES]
    return tables or [path for path in files if path.suffix.lower() == ".txt"]


def _providers(kind: str, raw: Path) -> Discovery:
    metadata = raw / "metadata"
    sources: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for name, places in _FOLDERS.items():
        folders = (base / place for base in (raw, raw / "dataset") for place in places)
        path = next((one for one in folders if one.is_dir() and not is_partly_unpacked(one.parent)), None)
        if path:
            sources[name] = {"path": str(path)}
        else:
            missing.append(f"{name}: no folder {raw / places[0]} or {raw / 'dataset' / places[0]}")
    if not sources:
        raise ConfigError(f"nothing is known in {raw}: " + "; ".join(missing))
    present = [f"{name}: {table['path']}" for name, table in sources.items()]
    if kind == "published":
        mapping, names = _published(metadata, present, missing)
    else:
        mapping, (names, absent) = Mapping(), find_files(raw)
        present += [f"names: {path}" for path in dict(names).values() if isinstance(path, Path)]
        missing += absent
        _bioscan_metadata(sources, metadata, present, missing)
    holdout = _holdouts(metadata, present, missing)
    return Discovery(
        Config(sources=sources, mapping=mapping, names=names, holdout=holdout), tuple(present), tuple(missing)
    )


def _published(metadata: Path, present: list[str], missing: list[str]) -> tuple[Mapping, Names]:
    mapping, naming = metadata / "mapping.sqlite", metadata / "naming"
    for what, path in {"mapping": mapping, "names": naming}.items():
        (present if path.exists() else missing).append(f"{what}: {path}" if path.exists() else f"{what}: no {path}")
    return Mapping(published=mapping), Names(lookups=naming)


def _bioscan_metadata(
    sources: dict[str, dict[str, Any]], metadata: Path, present: list[str], missing: list[str]
) -> None:
    if "bioscan" not in sources:
        return
    path = next((metadata / "bioscan" / name for name in _BIOSCAN if (metadata / "bioscan" / name).exists()), None)
    if path:
        sources["bioscan"]["metadata"] = str(path)
        present.append(f"names: {path}")
    else:
        missing.append(f"BIOSCAN's metadata: no {metadata / 'bioscan' / _BIOSCAN[0]}")


def _holdouts(metadata: Path, present: list[str], missing: list[str]) -> tuple[Holdout, ...]:
    lists = sorted((metadata / "rarespecies").glob("*seen_in_training.json"))
    if not lists:
        missing.append(f"hold-out lists: no {metadata / 'rarespecies'}/…seen_in_training.json")
    present += [f"hold-out: {path}" for path in lists]
    return tuple(Holdout(path=path, by="images" if path.name.startswith("seen") else "species") for path in lists)
