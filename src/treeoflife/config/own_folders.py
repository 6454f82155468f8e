"""Recognising folders that this program made: what lies in a dataset or a hold-out set is no source of images."""

from pathlib import Path

from ..core.json_reader import read_json
from ..core.objects import ObjectPath
from .paths import Paths, is_utf8
from .tables import Images

HOLDOUT_RECORD = "holdout.json"
"""The record of a hold-out set, in its folder."""
_MAX_RECORD = 1 << 24


def is_left_out(folder: Path, root: Path) -> bool:
    """Whether a folder below ``root``, the folder of a source, is a dataset's or a hold-out set's, or leads into one.

    Pictures that this program wrote into it must not become source images of the next build. The folder of a source
    itself may be such a folder, or lie in one: then its user wants that.

    >>> import tempfile
    >>> raw = Path(tempfile.mkdtemp())
    >>> (raw / "birds/.state").mkdir(parents=True); (raw / "birds/.state/records.sqlite").touch()
    >>> is_left_out(raw / "birds", raw), is_left_out(raw, raw)
    (True, False)
    """
    if not folder.is_symlink():
        return folder != root and _is_own(folder)
    real, top = folder.resolve(), root.resolve()
    return any(_is_own(one) for one in (real, *real.parents) if not top.is_relative_to(one))


def _is_own(folder: Path) -> bool:
    # Every dataset is in a folder of a computer, whose path is UTF-8; only its shards may be in an object store.
    if isinstance(folder, ObjectPath) or not is_utf8(folder.absolute()):
        return False
    paths = Paths(folder, Images())
    # A configuration may have another name; the records of stages are there from the first run on.
    return paths.stage_records.exists() or _is_configuration(paths.config) or _is_holdout_set(folder / HOLDOUT_RECORD)


def _is_configuration(path: Path) -> bool:
    return path.is_file() and "[sources." in _text(path)


def _is_holdout_set(path: Path) -> bool:
    record = read_json(path)
    return isinstance(record, dict) and ("per_species" in record or "unfinished" in record)


def _text(path: Path) -> str:
    with path.open("rb") as fd:
        return fd.read(_MAX_RECORD).decode("utf-8", "replace")
