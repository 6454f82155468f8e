"""Files of the Hugging Face Hub, through huggingface_hub: its cache, tokens and endpoint are respected.

What is in the Hub's cache is linked or copied from there. Else huggingface_hub says where a file is, who asks for it
and what its SHA-256 must be, and its bytes are fetched as any other file's: huggingface_hub itself begins a file anew
when a process was killed, and keeps it a second time in its cache.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from ..config.download import DownloadTable
from ..core.files import replacing, sha256
from ..errors import InputError
from .answers import retry_after
from .components import HubFile
from .transfer import Told, Wanted
from .transfer import fetch as transfer

_LENGTH_OF_SHA256 = 64


@dataclass(frozen=True)
class OnHub:
    """What the Hub says of a file: where it is, the commit, its length, its SHA-256 (empty for small files)."""

    url: str
    revision: str
    size: int | None = None
    sha256: str = ""


def look(file: HubFile) -> OnHub:
    """Ask the Hub about a file."""
    url = hf_hub_url(file.repo, file.file, repo_type="dataset", revision=file.revision)
    found = get_hf_file_metadata(url)
    tag, commit = found.etag or "", found.commit_hash or file.revision
    pinned = hf_hub_url(file.repo, file.file, repo_type="dataset", revision=commit)
    return OnHub(pinned, commit, found.size, tag if len(tag) == _LENGTH_OF_SHA256 else "")


def fetch(file: HubFile, path: Path, client: httpx.Client, settings: DownloadTable, told: Told) -> tuple[OnHub, str]:
    """Fetch a file of the Hub to ``path``, unless it is there; returns what the Hub says of it, and its SHA-256.

    Raises:
        InputError: it cannot be fetched, or is not what the Hub says it is.
    """
    offline = bool(constants.HF_HUB_OFFLINE)
    found = OnHub(_url(file), file.revision) if offline else _persist(file, settings, lambda: look(file))
    if path.is_file() and found.sha256 and found.size == path.stat().st_size and found.sha256 == sha256(path):
        return found, found.sha256
    cached = try_to_load_from_cache(file.repo, file.file, repo_type="dataset", revision=found.revision)
    if isinstance(cached, str):
        told.tick(Path(cached).stat().st_size)
        return found, _take(Path(cached), path, found)
    if offline:
        raise InputError(
            f"{file.file} of {file.repo} is not in the Hub's cache, and HF_HUB_OFFLINE forbids to fetch it"
        )
    headers = {key: value for key, value in build_hf_headers().items() if key.lower() == "authorization"}
    wanted = Wanted(found.url, path, found.size, found.sha256, headers)
    return found, transfer(wanted, client, settings, told).sha256


def _url(file: HubFile) -> str:
    return hf_hub_url(file.repo, file.file, repo_type="dataset", revision=file.revision)


def _take(cached: Path, path: Path, found: OnHub) -> str:
    """Put a file of the Hub's cache in its place; it stays in the cache too."""
    with replacing(path) as temporary:
        try:
            os.link(cached.resolve(), temporary)
        except OSError:
            shutil.copyfile(cached, temporary)
        digest = sha256(temporary)
        if found.sha256 not in ("", digest):
            raise InputError(f"{cached} in the Hub's cache is damaged: its SHA-256 is {digest}, not {found.sha256}")
    return digest


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
