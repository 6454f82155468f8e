"""Uploading a dataset to the Hugging Face Hub. Files that the Hub has are not sent again.

huggingface_hub sends the files, several in a commit. Which files the Hub has is decided by their SHA-256, or for small
files by git's hash, and never by what an earlier run recorded: so an upload that was killed can simply be repeated.
"""

import glob
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..config.paths import Paths
from ..core.extras import import_extra
from ..core.hash_cache import HashCache
from ..core.progress import Listener
from ..core.values import SPLITS
from ..errors import InputError

# The Hub advises fewer than 100 files a commit: https://huggingface.co/docs/hub/repositories-recommendations
_FILES_PER_COMMIT = 50
_SHA1_HEX_LENGTH = 40
HubFiles = dict[str, tuple[int, str]]
"""The size and hash of each file in a repository, by its path."""


@dataclass(frozen=True)
class LocalFile:
    """A file of the dataset: its path, its bytes, and whether the repository has the same file at the same path."""

    name: str
    size: int
    on_hub: bool


@dataclass(frozen=True)
class UploadPlan:
    """What an upload has to do.

    Attributes:
        repo: the dataset repository, as OWNER/NAME.
        exists: whether the Hub has this repository.
        files: the files in the order of sending: the card last, because it describes the others.
        outdated: shards in the repository that only an earlier build had; whoever loads the dataset would read them.
    """

    repo: str
    exists: bool
    files: Sequence[LocalFile]
    outdated: Sequence[str] = ()

    @property
    def to_send(self) -> list[LocalFile]:
        """The files that the repository lacks."""
        return [file for file in self.files if not file.on_hub]


class Uploader:
    """Uploads a finished dataset to one branch of a dataset repository."""

    def __init__(
        self,
        paths: Paths,
        hashes: HashCache,
        repo: str,
        revision: str = "main",
        *,
        unfinished: str = "",
        copies: Mapping[Path, bytes] | None = None,
    ) -> None:
        """Check that the dataset may be uploaded.

        Args:
            hashes: digests of these files, as far as they are known.
            repo: the repository, as OWNER/NAME.
            unfinished: why the dataset is not finished, such as ``pack has work left``; empty if it is.
            copies: what is published in place of the content of some files.

        Raises:
            MissingExtra: huggingface_hub is not installed.
            InputError: the dataset is not finished, or has bad shards, or they are in an object store.
        """
        if paths.storage.shards:
            raise InputError(
                f"the shards are at {paths.image_set}, and only files of this computer are sent to the Hub: copy that to "
                f"{paths.shards}, remove 'shards' from [storage] of dataset.toml, and run build and publish again"
            )
        if unfinished:
            raise InputError(f"the dataset is not built to its end: {unfinished}; 'treeoflife build' finishes it")
        if (bad := paths.bad_shards).exists() and bad.read_text(encoding="utf-8").strip():
            raise InputError(f"{bad} names bad shards: 'treeoflife check-wds --repair' packs them again")
        self._paths, self._hashes, self._repo, self._revision = paths, hashes, repo, revision
        self._copies = {path.relative_to(paths.root).as_posix(): data for path, data in (copies or {}).items()}
        self._api = import_extra("huggingface_hub", "publish", "publish").HfApi(library_name="treeoflife")
        # Its progress bars would mix with the listener's.
        import_extra("huggingface_hub.utils", "publish", "publish").disable_progress_bars()

    @property
    def url(self) -> str:
        """The address of the repository on the Hub, which ``HF_ENDPOINT`` may move."""
        return f"{self._api.endpoint}/datasets/{self._repo}"

    def plan(self) -> UploadPlan:
        """Compare the dataset with the repository; changes neither.

        Raises:
            InputError: the Hub cannot be reached, or refuses to answer.
        """
        with _hub_errors(self._repo):
            on_hub = self._files_on_hub()
        files = [self._compare(path, on_hub or {}) for path in published_files(self._paths)]
        folder = f"{self._paths.shards.name}/"
        shards = {name for name in on_hub or () if name.startswith(folder) and name.endswith(".tar")}
        return UploadPlan(self._repo, on_hub is not None, files, sorted(shards - {file.name for file in files}))

    def upload(self, listener: Listener, *, private: bool = False) -> UploadPlan:
        """Send the files that the repository lacks, remove outdated shards, and compare once more; returns the plan.

        A repository that does not exist is created, with ``private`` as one that only its owners see.

        Raises:
            InputError: the upload failed, or the repository has other content than was sent.
        """
        plan = self.plan()
        with _hub_errors(self._repo, "; files that were sent stay there, and the same command goes on"):
            if not plan.exists:
                self._api.create_repo(self._repo, repo_type="dataset", private=private, exist_ok=True)
            self._send([file.name for file in plan.to_send if file.name not in self._copies], listener)
            self._send_copies([file.name for file in plan.to_send if file.name in self._copies])
            if plan.outdated:
                patterns = [glob.escape(name) for name in plan.outdated]
                self._api.delete_files(self._repo, patterns, repo_type="dataset", revision=self._revision)
        later = self.plan()
        if wrong := [*(file.name for file in later.to_send), *later.outdated]:
            raise InputError(
                f"{wrong[0]} is not the same on the Hub as in the dataset ({len(wrong)} such files): run publish again"
            )
        listener.finish(f"{len(plan.files)} files are on the Hub, {len(plan.to_send)} of them sent now")
        return plan

    def _send(self, names: Sequence[str], listener: Listener) -> None:
        if names:
            listener.start("publish", len(names), "files")
        for start in range(0, len(names), _FILES_PER_COMMIT):
            batch = names[start : start + _FILES_PER_COMMIT]
            self._api.upload_folder(
                repo_id=self._repo, folder_path=self._paths.root, repo_type="dataset", revision=self._revision,
                allow_patterns=[glob.escape(name) for name in batch],
                commit_message=f"Add {len(batch)} files with treeoflife",
            )  # fmt: skip
            listener.advance(len(batch))

    def _send_copies(self, names: Sequence[str]) -> None:
        for name in names:
            self._api.upload_file(
                path_or_fileobj=self._copies[name], path_in_repo=name, repo_id=self._repo, repo_type="dataset",
                revision=self._revision, commit_message=f"Add {name} with treeoflife",
            )  # fmt: skip

    def _files_on_hub(self) -> HubFiles | None:
        """The files of the repository; None if there is no such repository."""
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            tree = self._api.list_repo_tree(self._repo, recursive=True, revision=self._revision, repo_type="dataset")
            files = [entry for entry in tree if getattr(entry, "size", None) is not None]  # not folders
        except RepositoryNotFoundError:
            return None
        return {file.path: (file.size, file.lfs.sha256 if file.lfs else file.blob_id) for file in files}

    def _compare(self, path: Path, on_hub: HubFiles) -> LocalFile:
        name = path.relative_to(self._paths.root).as_posix()
        copy = self._copies.get(name)
        size = path.stat().st_size if copy is None else len(copy)
        hub_size, hub_hash = on_hub.get(name, (-1, ""))
        return LocalFile(name, size, size == hub_size and hub_hash == self._hash_like(path, copy, hub_hash))

    def _hash_like(self, path: Path, copy: bytes | None, other: str) -> str:
        """The hash of a file or its copy, of the kind of ``other``: of small files the Hub has git's, else the SHA-256."""
        if len(other) != _SHA1_HEX_LENGTH:
            return self._hashes.sha256(path) if copy is None else hashlib.sha256(copy).hexdigest()
        data = (
            path.read_bytes() if copy is None else copy
        )  # hashed as in https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def published_files(paths: Paths) -> Iterator[Path]:
    """The files that a dataset is published with, in the order of sending.

    These are shards, catalogs, ids, names, ledger, findings, reports and configuration, and the card last. The store,
    the plan and logs are of use only to this program.
    """
    for split in SPLITS:
        yield from sorted(paths.split_folder(split).glob("*.tar"))
    others = [paths.sizes(split) for split in SPLITS] + [paths.wids(split) for split in SPLITS]
    others += [
        paths.catalog_csv,
        paths.catalog,
        paths.licences,
        paths.credits,
        paths.credits_page,
        paths.ledger,
        paths.config,
        paths.marks,
    ]
    others += sorted(path for folder in (paths.metadata, paths.findings_folder) for path in folder.rglob("*"))
    others += [
        *sorted(paths.reports.glob("*")),
        *sorted(paths.card_pictures.glob("*.jpg")),
        paths.croissant,
        paths.card,
    ]
    public = (path for path in others if path != paths.verifier_cache and not path.name.startswith("."))
    yield from (path for path in public if path.is_file())


@contextmanager
def _hub_errors(repo: str, kept: str = "") -> Iterator[None]:
    """Turn the errors of huggingface_hub into InputError, with what to do about them, and with what is ``kept``."""
    from huggingface_hub.errors import HfHubHTTPError

    # A network failure raises HTTPError of the HTTP library below: requests in old versions, httpx in new ones.
    http_errors = [parent for parent in HfHubHTTPError.__mro__ if parent.__name__ == "HTTPError"]
    failures: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, *http_errors)
    try:
        yield
    except failures as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"{repo} on the Hub: {reason}{kept}. If the Hub asks for an account, run 'hf auth login' or set the "
            "variable HF_TOKEN"
        ) from error
