"""Looking at a folder of raw data, and writing the dataset.toml that fits it."""

from pathlib import Path
from typing import Any

from ..config.config import Config
from ..config.paths import real_path, require_utf8
from ..config.tables import Holdout, Images, Mapping, Names
from ..core.table_files import TABLE_SUFFIXES
from ..errors import ConfigError
from ..sources.containers.archived_folders import is_partly_unpacked
from ..sources.folder import Folder
from ..taxonomy.providers.authorities import find_files
from . import init_names
from .discovery import Discovery, chosen_images
from .kept_names import names_beside

_FOLDERS = {
    "eol": ("eol", "EOL"),
    "inat21": ("inat21/train", "inat21", "iNat21/train"),
    "bioscan": ("bioscan", "bioscan/images/cropped_256", "BIOSCAN"),
}
_CATALOGS = ("catalog.csv", "catalog.parquet", "predicted-catalog.csv")
"""The catalogs that a published mapping and names can be taken from, the most trusted first."""
_AS_PROVIDED: dict[str, Any] = {"built_in": False, "backbone": ""}
"""The keys of ``[names]`` by which names are those of TreeOfLife-10M: by the providers' own taxonomies alone."""
_BIOSCAN = ("BIOSCAN_Insect_Dataset_metadata.jsonld", "BIOSCAN_Insect_Dataset_metadata.tsv")


def discover(
    kind: str, raw: Path, table: Path | None = None, file_column: str = "", boxes: Path | None = None
) -> Discovery:
    """Look at raw data.

    Args:
        kind: original, from the providers' files; published, from the published mapping and lookups, or a catalog in
            their place; folder, from anybody's photographs.
        table: for a folder of photographs, the table that says what they show; found if there is but one. Where there
            is none, the names of folders are those of the images in them.
        file_column: the column of the table with the photographs' files; empty for that with a usual name.
        boxes: the file of boxes in the photographs, if there is one.

    Raises:
        ConfigError: the folder is not there, or nothing in it is known.
        InputError: the table cannot be read, or no row of it names a photograph.
    """
    raw = real_path(raw)
    require_utf8(raw)
    if not raw.is_dir():
        problem = f"{raw} is no folder" if raw.exists() else f"there is no folder {raw}"
        raise ConfigError(f"{problem}; --raw names the folder that holds the images, or the downloaded files")
    return _folder(raw, table, file_column, boxes) if kind == "folder" else _providers(kind, raw)


def _folder(raw: Path, table: Path | None, file_column: str, boxes: Path | None) -> Discovery:
    files = {"table": real_path(table) if table else _table(raw, boxes), "boxes": real_path(boxes) if boxes else None}
    photos = {"kind": "folder", "path": str(raw), "file_column": file_column}
    for key, path in files.items():
        if path:
            require_utf8(path)
            photos[key] = str(path)
    source = _photos(photos)
    parts = sum(len(one.members) for one in source.containers() if one.name.startswith("part-"))
    images = "images with boxes" if boxes else "images"
    found = [f"photos: {parts:,} {images} in {raw}", *(f"{key}: {path}" for key, path in files.items() if path)]
    folders = "the labels of boxes, or else the folders of the images," if boxes else "the folders of the images"
    missing = () if files["table"] else (f"table: none in {raw}, so {folders} give the names",)
    names = names_beside(raw)
    labels = init_names.labels_of(source)
    about_names, advice = init_names.describe(labels, names)
    config = Config(sources={"photos": photos}, names=names, images=chosen_images())
    found += [*source.survey().found(), *about_names]
    return Discovery(config, tuple(found), missing, (*source.remarks(), *advice))


def _photos(keys: dict[str, str]) -> Folder:
    return Folder("photos", Folder.Settings.model_validate({key: keys[key] for key in keys if key != "kind"}))


def _table(raw: Path, boxes: Path | None) -> Path | None:
    """The one table in a folder; None if there is none, and folders or boxes give the names.

    Raises:
        ConfigError: there are several, or neither a table nor a folder with a name.
    """
    paths = sorted(path for path in raw.iterdir() if path.is_file() and not path.name.startswith((".", "~")))
    files = [path for path in paths if not boxes or path != real_path(boxes)]
    tables = [path for path in files if path.suffix.lower() in TABLE_SUFFIXES]
    if not tables and (boxes or _photos({"path": str(raw)}).survey().has_named_folders):
        return None
    # Texts are tables only if there is nothing else: a README lies beside many a folder of classes.
    tables = tables or [path for path in files if path.suffix.lower() == ".txt"]
    if len(tables) == 1:
        return tables[0]
    there = ", ".join(path.name for path in tables) or "none, nor a folder that is called by a name, as Turdus_merula"
    raise ConfigError(
        f"name the table that says what the photographs in {raw} show with --table; in it there is {there}"
    )


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
        names = names.model_copy(update=_AS_PROVIDED)
        present += [f"names: {path}" for path in dict(names).values() if isinstance(path, Path)]
        missing += absent
        _bioscan_metadata(sources, metadata, present, missing)
    # The published pictures were made with Pillow, so those that are made again are too.
    images = Images() if kind == "published" else chosen_images()
    config = Config(
        sources=sources, mapping=mapping, names=names, holdout=_holdouts(metadata, present, missing), images=images
    )
    return Discovery(config, tuple(present), tuple(missing))


def _published(metadata: Path, present: list[str], missing: list[str]) -> tuple[Mapping, Names]:
    mapping, naming = metadata / "mapping.sqlite", metadata / "naming"
    catalog = next((path for name in _CATALOGS if (path := metadata / name).is_file()), None)
    if catalog and not mapping.exists():
        mapping = catalog
        present.append(f"mapping: {catalog}, in place of a mapping.sqlite")
    else:
        (present if mapping.exists() else missing).append(f"mapping: {'' if mapping.exists() else 'no '}{mapping}")
    if catalog and not any(naming.glob("*_name_lookup.json")):
        present.append(f"names: {catalog}, in place of the lookups in {naming}")
        return Mapping(published=mapping), Names(published=catalog, **_AS_PROVIDED)
    (present if naming.exists() else missing).append(f"names: {'' if naming.exists() else 'no '}{naming}")
    return Mapping(published=mapping), Names(lookups=naming, **_AS_PROVIDED)


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
