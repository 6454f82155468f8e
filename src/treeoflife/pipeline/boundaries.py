"""Where a dataset ends: OUT is no folder of a source, and holds nothing of others under the names of its own files.

A run overwrites and removes what is in the way of its outputs. So it is made sure beforehand that this is its own.
"""

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..config.base import Model
from ..config.config import Config, named_paths
from ..config.paths import Paths, real_path
from ..core import checksums
from ..core.files import exists
from ..errors import ConfigError

_ANOTHER = "choose another folder as OUT"
_ANOTHER_ADDRESS = "choose another address in [storage]"


def check_raw_is_not_out(raw: Path, out: Path) -> None:
    """Check that a dataset is not to be written into the folder that holds what it is made from.

    Raises:
        ConfigError: it is, by whatever name.
    """
    if is_same(real_path(raw), out):
        raise ConfigError(
            f"--out {out} is the folder of --raw itself, whose files a build would overwrite: name another folder, "
            f"such as {out / 'dataset'}"
        )


def check_out(config: Config, sources: Mapping[str, Model], paths: Paths) -> None:
    """Check that nothing that a dataset is made from lies where the dataset is written.

    OUT may be below a source's folder, and a source's folder below OUT.

    Args:
        sources: the settings of each source, with resolved paths.

    Raises:
        ConfigError: OUT is the folder of a source or of tables, or a source lies in a folder that runs write.
    """
    inputs = [(f"[sources.{name}] {key}", path) for name, model in sources.items() for key, path in named_paths(model)]
    tables = [
        (f"[{table}] {key}", path)
        for table in ("mapping", "names", "licences")
        for key, path in named_paths(getattr(config, table))
    ]
    for key, path in (*inputs, *tables):
        if is_same(path, paths.root):
            raise ConfigError(f"{key} is the folder of the dataset itself, {paths.root}: {_ANOTHER}")
    own = (paths.mapping_parquet, paths.catalog, paths.catalog_csv, paths.predicted_catalog)
    for key, published in (("mapping", config.mapping.published), ("names", config.names.published)):
        if published and any(is_same(published, one) for one in own):
            raise ConfigError(
                f"[{key}] published, {published}, is a file that the dataset writes itself: name a copy elsewhere, or "
                f"leave published out to go on with the {'ids that are there' if key == 'mapping' else 'taxonomies'}"
            )
    for key, path in inputs:
        written = next((one for one in paths.written_folders() if is_within(path, one)), None)
        written = written or next((one for one in paths.written_files() if is_same(path, one)), None)
        if written:
            raise ConfigError(f"{key}, {path}, lies where the dataset writes, in {written}: move it, or {_ANOTHER}")
        for folder in paths.moved_folders():
            if path.is_relative_to(folder) or folder.is_relative_to(path):
                raise ConfigError(
                    f"{key}, {path}, and what the dataset writes, in {folder}, lie in one another: {_ANOTHER_ADDRESS}"
                )
        scratch = config.engine.scratch
        if scratch and is_within(scratch, path) and not is_within(scratch, paths.root):
            raise ConfigError(f"[engine] scratch, {scratch}, lies in {key}, {path}: name a folder outside of it")


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file or folder, which exists: by links, by ``..``, or written otherwise."""
    try:
        return one.samefile(other)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:  # links that lead back to themselves lead to no file
            return False
        raise


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path leads to a folder, or to something in it."""
    real = real_path(path)
    return any(is_same(one, folder) for one in (real, *real.parents))


def check_nothing_in_the_way(paths: Paths, outputs: Iterable[Path]) -> None:
    """Check, before the first run of a dataset, that nothing of others has the name of one of its outputs.

    A file is known as the dataset's own where a run has left its records, or an intact SHA256SUMS lists the file.

    Args:
        paths: the files of the dataset.
        outputs: those of them that exist, and that stages make.

    Raises:
        ConfigError: a file is in the way; the message names it.
    """
    if any(exists(one) for one in (paths.lock, paths.stage_records, paths.hash_cache)):
        return
    listed = checksums.read(paths.checksums)
    own = {paths.name(paths.checksums), *listed.digests} if listed and listed.intact else set()
    for path in outputs:
        if paths.name(path) not in own:
            is_moved = any(path.is_relative_to(folder) for folder in paths.moved_folders())
            raise ConfigError(
                f"{path} is there already, and a build would overwrite it, though no run of this dataset is known to "
                f"have made it: move it away, or {_ANOTHER_ADDRESS if is_moved else _ANOTHER}. If the dataset was "
                f"copied, copy {paths.lock.name} and {paths.stage_records.parent.name} too"
            )
