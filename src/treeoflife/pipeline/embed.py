"""embed: shards -> the vectors of their images. One task per shard. Like the report, it is no stage of a build: it
needs an extra, and a model that a dataset does not have."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ..config.paths import Paths
from ..core.files import remove_leftovers
from ..core.hash_cache import HashCache
from ..core.lock import exclusive_lock
from ..core.progress import Listener
from ..engines.base import Engine
from ..engines.tasks import TaskRunner
from ..errors import InputError
from ..shards.embeddings.models import Request, vectors_name
from ..shards.embeddings.run import Outcome, ShardToEmbed, embed, inspect
from ..shards.locations import list_shards
from ..shards.pack import read_index_meta
from ..shards.patterns import expand_patterns
from .session import Session

_PART = "train_small"  # each of its images is in train too


def embed_dataset(session: Session, request: Request) -> Outcome:
    """Make the vectors of all images of a dataset, in ``OUT/embeddings``, as far as they are not there.

    Raises:
        InputError: it has no shards, or the model cannot be loaded or run.
        ConfigError: the model is none of images, or an option does not fit it.
        MissingExtra: a package that the model needs is not installed.
        TasksFailed: vectors of some shards could not be made; those of the others are there.
    """
    paths = session.workspace.paths
    shards = _dataset_shards(paths)
    folder, model = paths.vectors(vectors_name(request)), inspect(request)
    return embed(shards, folder, model, session.evidence.hashes.sha256, session.runner)


def embed_shards(patterns: Sequence[str], request: Request, out: Path, engine: Engine, listener: Listener) -> Outcome:
    """Make the vectors of the images of any shards, in a folder of ``out``, as far as they are not there.

    Args:
        engine: where tasks run.

    Raises:
        InputError: no shard matches, or two would have the same name; and as for :func:`embed_dataset`.
        ConfigError, MissingExtra, TasksFailed: as for :func:`embed_dataset`.
        BusyError: another run embeds shards into the folder.
    """
    shards = _named(expand_patterns(patterns))
    folder, model = out / vectors_name(request), inspect(request)
    out.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(out / ".lock"), closing(HashCache(out / ".known.sqlite")) as hashes:
        remove_leftovers([folder])
        return embed(shards, folder, model, hashes.sha256, TaskRunner(engine, listener))


def _dataset_shards(paths: Paths) -> list[ShardToEmbed]:
    """The shards of a dataset; those of train_small only if it has no others."""
    found = list_shards(paths)
    if not found:
        raise InputError(f"there are no shards in {paths.image_set}: 'treeoflife build' makes them")
    shards = [one for one in found if one.split != _PART] or list(found)
    return [
        ShardToEmbed(one.path, _name(one.path), read_index_meta(one.index).get("samples"), one.index)
        if one.is_own
        else ShardToEmbed(one.path, _name(one.path))
        for one in shards
    ]


def _named(shards: Sequence[Path]) -> list[ShardToEmbed]:
    """Shards with the names of their files of vectors; those of train_small are left out if train is there too."""
    folders = {path.parent for path in shards}
    kept = [path for path in shards if not (path.parent.name == _PART and path.parent.with_name("train") in folders)]
    named = dict[str, Path]()
    for path in kept:
        if (other := named.setdefault(_name(path), path)) != path:
            raise InputError(
                f"the vectors of {other} and {path} would have the same name: give each an --out of its own"
            )
    return [ShardToEmbed(path, name) for name, path in named.items()]


def _name(shard: Path) -> str:
    """The file of a shard's vectors, below their folder."""
    return f"{shard.absolute().parent.name}/{shard.stem}.parquet"
