"""Files of the Hugging Face Hub, through huggingface_hub: its cache, tokens and endpoint are respected.

A file that the Hub's cache already holds is linked or copied from there. Any other is fetched into a folder beside
its place, so that two terabytes are not kept twice, and moved.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from tqdm.auto import tqdm

from ..config import DownloadTable
from ..errors import InputError
from ..files import replacing, sha256
from .answers import retry_after
from .components import HubFile

STAGING = ".hub"
_LENGTH_OF_SHA256 = 64
Tick = Callable[[int], None]


@dataclass(frozen=True)
class OnHub:
    """What the Hub says of a file: where it is, the commit, its length, its SHA-256 (empty for small files)."""

    url: str
    revision: str
    size: int | None
    sha256: str


def look(file: HubFile) -> OnHub:
    """Ask the Hub about a file."""
    url = hf_hub_url(file.repo, file.file, repo_type="dataset", revision=file.revision)
    found = get_hf_file_metadata(url)
    tag = found.etag or ""
    digest = tag if len(tag) == _LENGTH_OF_SHA256 else ""
    return OnHub(url, found.commit_hash or file.revision, found.size, digest)


def fetch(
    file: HubFile, path: Path, root: Path, settings: DownloadTable, tick: Tick, known: Callable[[OnHub], bool]
) -> tuple[OnHub, str]:
    """Fetch a file of the Hub to ``path``; returns what the Hub says of it, and its SHA-256.

    Args:
        known: whether the file that is at ``path`` is the one that the Hub has.

    Raises:
        InputError: it cannot be fetched, or is not what the Hub says it is.
    """
    found = _persist(file, settings, lambda: look(file))
    if path.exists() and known(found):
        return found, sha256(path)
    staged = _persist(file, settings, lambda: _download(file, found, root, tick))
    digest = sha256(staged)
    if found.sha256 not in ("", digest) or found.size not in (None, staged.stat().st_size):
        staged.unlink()
        raise InputError(f"{found.url} came with SHA-256 {digest}, not {found.sha256}; run again to fetch it anew")
    _move(staged, path, root / STAGING)
    return found, digest


def _download(file: HubFile, found: OnHub, root: Path, tick: Tick) -> Path:
    cached = try_to_load_from_cache(file.repo, file.file, repo_type="dataset", revision=found.revision)
    if isinstance(cached, str):
        tick(found.size or 0)
        return Path(cached)
    return Path(
        hf_hub_download(
            file.repo,
            file.file,
            repo_type="dataset",
            revision=found.revision,
            local_dir=root / STAGING,
            tqdm_class=_bar(tick),
        )
    )


def _move(staged: Path, path: Path, staging: Path) -> None:
    """Put the file in its place; one that belongs to the Hub's cache stays there too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if staged.is_relative_to(staging):
        staged.replace(path)
        return
    with replacing(path) as temporary:
        try:
            os.link(staged.resolve(), temporary)
        except OSError:
            shutil.copyfile(staged, temporary)


def _persist(file: HubFile, settings: DownloadTable, work: Callable[[], Any]) -> Any:
    """Do it, and again after failures that may pass."""
    failures_that_may_pass: tuple[type[Exception], ...] = (HfHubHTTPError, OSError, *_network_errors())
    for failures in range(1, settings.tries + 1):
        try:
            return work()
        except (GatedRepoError, RepositoryNotFoundError, EntryNotFoundError) as error:
            raise InputError(_refused(file, error)) from error
        except failures_that_may_pass as error:
            response = getattr(error, "response", None)
            status = getattr(response, "status_code", None)
            hopeless = status is not None and status < 500 and status not in (408, 429)
            if hopeless or failures == settings.tries:
                raise InputError(f"{file.file} of {file.repo} cannot be fetched: {_line(error)}") from error
            wait = min(settings.wait_seconds * 2 ** (failures - 1), 60.0)
            asked = retry_after(response.headers) if response is not None else None
            time.sleep(max(wait, asked or 0))
    raise AssertionError("the last failure is raised")


def _network_errors() -> list[type[Exception]]:
    """What the library that huggingface_hub speaks HTTP with raises: it was requests, is httpx, and may be another."""
    names = {parent.__module__.partition(".")[0] for parent in HfHubHTTPError.__mro__}
    modules = [sys.modules[name] for name in names if name in sys.modules]
    return [module.HTTPError for module in modules if isinstance(getattr(module, "HTTPError", None), type)]


def _refused(file: HubFile, error: Exception) -> str:
    return (
        f"{file.file} of {file.repo} (revision {file.revision}) is not to be had from the Hub: {_line(error)}; "
        "if it wants an account, 'hf auth login' or the variable HF_TOKEN gives one"
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _bar(tick: Tick) -> type[Any]:
    """A progress bar that shows nothing and tells what it hears."""

    class Silent(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            self._told = threading.Lock()

        def update(self, n: float | None = 1) -> bool | None:
            with self._told:
                tick(int(n or 0))
            return None

    return Silent
