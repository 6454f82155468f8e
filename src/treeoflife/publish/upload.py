"""Uploading a dataset to the Hub: what is there already is not sent again, so a run that was killed goes on.

huggingface_hub sends the files, a batch of them a commit. What is on the Hub is known by its SHA-256, or for small files
by git's hash; so nothing rests on what an earlier run wrote down.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.values import SPLITS
from ..errors import InputError, MissingExtra
from ..pipeline.build import status
from ..pipeline.run import Run

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES_A_COMMIT = 50


@dataclass(frozen=True)
class File:
    """A file that is to be on the Hub.

    Attributes:
        name: where it goes in the repository, which is where it lies in the dataset.
        size: its bytes.
        there: whether the Hub has it, just as it is.
    """

    name: str
    size: int
    there: bool


@dataclass(frozen=True)
class Plan:
    """What an upload comes to.

    Attributes:
        repo: the dataset repository, as OWNER/NAME.
        exists: whether the Hub has it.
        files: the files, in the order in which they are sent: the card last, so that it speaks of what is there.
        gone: shards that the Hub has from an earlier build and this one has not: who loads the dataset would read them.
    """

    repo: str
    exists: bool
    files: Sequence[File]
    gone: Sequence[str] = ()

    @property
    def left(self) -> list[File]:
        """The files that are still to be sent."""
        return [one for one in self.files if not one.there]


def plan(run: Run, repo: str, revision: str = "main") -> Plan:
    """Find out what is to be sent; writes nothing, here or there.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        InputError: the dataset is not built to its end, or shards are bad, or the Hub refuses to answer.
    """
    _check(run)
    there = _asked(repo, lambda: _on_hub(_api(), repo, revision))
    ours = [_file(run, path, there or {}) for path in files(run)]
    folder = f"{run.dataset.paths.shards.name}/"
    shards = {name for name in there or () if name.startswith(folder) and name.endswith(".tar")}
    return Plan(repo, there is not None, ours, sorted(shards - {one.name for one in ours}))


def upload(run: Run, repo: str, revision: str = "main", *, private: bool = False) -> Plan:
    """Send what the Hub has not, and see that it has it all; returns what was there to be done.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        InputError: as for :func:`plan`; or the upload failed, or the Hub has other bytes than were sent.
    """
    todo, api = plan(run, repo, revision), _api()
    if not todo.exists:
        _asked(repo, lambda: api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True))
    if todo.left:
        run.listener.start("publish", len(todo.left), "files")
    for batch in _batches([one.name for one in todo.left]):
        _asked(repo, partial(_send, api, run, todo.repo, revision, batch))
        run.listener.advance(len(batch))
    if todo.gone:
        patterns = [glob.escape(name) for name in todo.gone]
        _asked(repo, lambda: api.delete_files(repo, patterns, repo_type="dataset", revision=revision))
    _look_again(run, repo, revision)
    run.listener.finish(f"{len(todo.files)} files are on the Hub, {len(todo.left)} of them sent now")
    return todo


def _batches(names: list[str]) -> list[list[str]]:
    return [names[at : at + FILES_A_COMMIT] for at in range(0, len(names), FILES_A_COMMIT)]


def files(run: Run) -> Iterator[Path]:
    """What others need of a dataset: shards, catalog, ids, names, the ledger, the report, how it was made; the card last."""
    paths = run.dataset.paths
    for split in SPLITS:
        yield from sorted(paths.split(split).glob("*.tar"))
    few = [paths.sizes(split) for split in SPLITS] + [paths.wids(split) for split in SPLITS]
    few += [paths.catalog_csv, paths.catalog, paths.licences, paths.ledger, paths.config, paths.marks]
    few += sorted(path for folder in (paths.metadata, paths.all_findings) for path in folder.rglob("*"))
    few += [*sorted(paths.reports.glob("*")), paths.croissant, paths.card]
    kept = (path for path in few if path != paths.verifier_cache and not path.name.startswith("."))
    yield from (path for path in kept if path.is_file())


def _check(run: Run) -> None:
    """See that the dataset is whole.

    Raises:
        InputError: it is not.
    """
    for name, state in status(run).items():
        if not state.fresh:
            why = f" ({state.why[0]})" if state.why else ""
            raise InputError(
                f"the dataset is not built to its end: {name} has work left{why}; 'treeoflife build' does it"
            )
    bad = run.dataset.paths.bad_shards
    if bad.exists() and bad.read_text(encoding="utf-8").strip():
        raise InputError(f"there are bad shards, which {bad} names: 'treeoflife check-wds --repair' packs them again")


def _file(run: Run, path: Path, there: dict[str, tuple[int, str]]) -> File:
    name, size = path.relative_to(run.dataset.paths.root).as_posix(), path.stat().st_size
    known = there.get(name)
    same = known is not None and known[0] == size and known[1] in (run.known.sha256(path), _git_hash(path, known[1]))
    return File(name, size, same)


def _git_hash(path: Path, wanted: str) -> str:
    """What git calls the bytes of a small file; nothing where the Hub knows a file by its SHA-256."""
    if len(wanted) != hashlib.sha1(usedforsecurity=False).digest_size * 2:
        return ""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def endpoint() -> str:
    """The address of the Hub, by ``HF_ENDPOINT``.

    Raises:
        MissingExtra: huggingface_hub is not installed.
    """
    return _api().endpoint


def _api() -> HfApi:
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]
    except ImportError:
        raise MissingExtra("publish needs huggingface_hub: pip install 'treeoflife[publish]'") from None
    disable_progress_bars()
    return HfApi(library_name="treeoflife")


def _on_hub(api: HfApi, repo: str, revision: str) -> dict[str, tuple[int, str]] | None:
    """Size and hash of every file that the repository has; None where there is no such repository."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        found = list(api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset"))
    except RepositoryNotFoundError:
        return None
    sized: list[Any] = [one for one in found if getattr(one, "size", None) is not None]
    return {one.path: (one.size, one.lfs.sha256 if one.lfs else one.blob_id) for one in sized}


def _send(api: HfApi, run: Run, repo: str, revision: str, names: list[str]) -> None:
    api.upload_folder(
        repo_id=repo, folder_path=run.dataset.paths.root, repo_type="dataset", revision=revision,
        allow_patterns=[glob.escape(name) for name in names], commit_message=f"Add {len(names)} files with treeoflife",
    )  # fmt: skip


def _look_again(run: Run, repo: str, revision: str) -> None:
    again = plan(run, repo, revision)
    if wrong := [*(one.name for one in again.left), *again.gone]:
        raise InputError(f"{wrong[0]} is not on the Hub as it is here ({len(wrong)} files): run it again")


def _asked(repo: str, ask: Callable[[], Any]) -> Any:
    """What the Hub answers.

    Raises:
        InputError: it does not, or refuses.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # The library that it speaks HTTP with has an HTTPError of its own, for a network that fails too.
    of_network = [parent for parent in HfHubHTTPError.__mro__ if parent.__name__ == "HTTPError"]
    failures: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, *of_network)
    try:
        return ask()
    except failures as error:
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"{repo} on the Hub: {told}; what was sent stays there, and the same command goes on. If it wants an account, "
            "'hf auth login' or the variable HF_TOKEN gives one"
        ) from error
