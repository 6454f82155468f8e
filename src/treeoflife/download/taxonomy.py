"""``treeoflife download taxonomy``: fetching a backbone, or copying one, into the user's own folder."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ..config.download import DownloadTable
from ..core.files import replacing, sha256
from ..core.lock import exclusive_lock
from ..core.progress import Listener
from ..errors import ConfigError, InputError
from ..taxonomy.checklists.files import check_checklist
from .components import Component
from .download_components import download_components
from .downloads_file import FILE_NAME, append_entry, make_entry
from .inventory import check_disk_space
from .kept_taxonomies import KeptTaxonomy, kept_taxonomies, taxonomies_folder

_NO_LICENCE = "not stated"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_NAMED = re.compile("[a-z][a-z0-9_-]*")


def download_taxonomy(
    component: Component, origin: str, name: str, settings: DownloadTable, listener: Listener,
    records: Sequence[Path] = (),
) -> KeptTaxonomy:  # fmt: skip
    """Fetch a taxonomy, or copy it, unless it is kept already.

    Args:
        component: what is fetched without an origin.
        origin: the address or the path of another one; empty for the component's.
        name: what ``[names] checklists`` calls it; empty for the component's name, or that of the file.
        records: further files to which the entry of a new download is appended.

    Raises:
        ConfigError: the name cannot be used, or there is no such file.
        InputError: it cannot be fetched, or is no taxonomy that can be read.
    """
    if not origin or _ADDRESS.match(origin):
        path = _fetch(_renamed(component, origin, name), settings, listener, records)
    else:
        path = _copy(component, Path(origin).expanduser().absolute(), name)
    return next(one for one in kept_taxonomies() if one.path == path)


def _renamed(component: Component, origin: str, name: str) -> Component:
    """The component with another origin or name."""
    if not origin:
        return component.model_copy(update={"to": f"{_name(component, '', name)}/{PurePosixPath(component.to).name}"})
    file = PurePosixPath(unquote(urlsplit(origin).path)).name
    if not file:
        raise ConfigError(f"--from: the address {origin} does not end with the name of a file")
    # What is published of the one file is not true of another.
    unknown = {"hub": None, "bytes": None, "size": None, "md5": "", "sha256": "", "licence": _NO_LICENCE}
    return component.model_copy(update={**unknown, "url": origin, "to": f"{_name(component, file, name)}/{file}"})


def _name(component: Component, file: str, name: str) -> str:
    """What a taxonomy is called: as the user says, as the component if it is another release of that, as its file."""
    own = PurePosixPath(component.to)
    if not name and (not file or _DIGIT.sub("0", file) == _DIGIT.sub("0", own.name)):
        return own.parts[0]
    name = name or re.sub(r"[^a-z0-9_-]+", "-", PurePosixPath(file).stem.lower()).strip("-_0123456789")
    if not _NAMED.fullmatch(name):
        raise ConfigError(
            f"--name: {name!r} cannot be the name of a taxonomy: small letters, digits, - and _, a letter first"
        )
    return name


def _fetch(component: Component, settings: DownloadTable, listener: Listener, records: Sequence[Path]) -> Path:
    root = taxonomies_folder()
    (entry,) = download_components([component], root, settings, listener, records=records)
    path = root / entry["file"]
    try:
        check_checklist(path)
    except InputError:
        path.unlink()  # otherwise it would count as kept, and not be fetched again
        raise
    return path


def _copy(component: Component, path: Path, name: str) -> Path:
    if not path.is_file():
        is_folder = path.is_dir()
        advice = "; name a folder in [names] checklists of dataset.toml instead" if is_folder else ""
        raise ConfigError(f"--from: {path} is {'a folder' if is_folder else 'no file'}{advice}")
    check_checklist(path)
    root, file = taxonomies_folder(), f"{_name(component, path.name, name)}/{path.name}"
    root.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(root / ".download.lock"):
        check_disk_space(root, path.stat().st_size)
        with replacing(root / file) as temporary:
            shutil.copyfile(path, temporary)
        digest = sha256(root / file)
        append_entry([root / FILE_NAME], make_entry(component.name, root, file, path.as_uri(), digest, _NO_LICENCE))
    return root / file
