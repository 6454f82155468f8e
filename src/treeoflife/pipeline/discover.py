"""Looking at a folder of raw data, and writing the dataset.toml that fits it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..config.config import Config
from ..config.paths import real_path, require_utf8
from ..config.tables import Holdout, Mapping, Names
from ..config.writer import render_config
from ..errors import ConfigError
from ..sources.archived_folders import is_partly_unpacked
from ..sources.registry import settings_class
from ..taxonomy.authorities import find_files

Kind = Literal["original", "published", "folder"]
_FOLDERS = {
    "eol": ("eol", "EOL"),
    "inat21": ("inat21/train", "inat21", "iNat21/train"),
    "bioscan": ("bioscan", "bioscan/images/cropped_256", "BIOSCAN"),
}
_BIOSCAN = ("BIOSCAN_Insect_Dataset_metadata.jsonld", "BIOSCAN_Insect_Dataset_metadata.tsv")
_TABLES = ("*.csv", "*.tsv", "*.parquet")


@dataclass(frozen=True)
class Discovery:
    """What a folder of raw data holds: a configuration for it, what was found, and what was not."""

    config: Config
    found: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """The dataset.toml."""
        return render_config(self.config, settings_class)


def discover(kind: Kind, raw: Path, table: Path | None = None) -> Discovery:
    """Look at raw data.

    Args:
        kind: original, from the providers' files; published, from the published mapping and lookups; folder,
            from anybody's photographs.
        table: for a folder of photographs, the table that says what they show; found if there is but one.

    Raises:
        ConfigError: the folder is not there, or nothing in it is known.
    """
    raw = real_path(raw)
    require_utf8(raw)
    if not raw.is_dir():
        raise ConfigError(f"there is no folder {raw}; --raw names the folder that holds the downloaded files")
    return _folder(raw, table) if kind == "folder" else _providers(kind, raw)


def _folder(raw: Path, table: Path | None) -> Discovery:
    tables = [real_path(table)] if table else sorted(path for glob in _TABLES for path in raw.glob(glob))
    if len(tables) != 1:
        names = ", ".join(path.name for path in tables) or "none"
        raise ConfigError(
            f"name the table that says what the photographs in {raw} show with --table; in it there is {names}"
        )
    require_utf8(tables[0])
    sources = {"photos": {"kind": "folder", "path": str(raw), "table": str(tables[0])}}
    return Discovery(Config(sources=sources, names=find_files(raw)[0]), (f"photos: {raw}", f"table: {tables[0]}"), ())


def _providers(kind: Kind, raw: Path) -> Discovery:
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
