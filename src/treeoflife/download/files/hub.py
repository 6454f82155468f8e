"""Fetching files of the Hugging Face Hub, with huggingface_hub's cache, tokens and endpoint.

A file in the Hub's cache is linked or copied from there. For any other, huggingface_hub says where it is, with which
token and which SHA-256, and :mod:`.transfer` fetches the bytes: huggingface_hub's own download starts over after its
process was killed, and keeps a second copy in its cache (docs/decisions/download-hub-bytes.md).
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from ...config.download import DownloadTable
from ...core.files import replacing, sha256
from ...core.progress import Listener
from ...errors import InputError
from ..components import HubFile
from ..web.waits import backoff_seconds, retry_after, wait
from .transfer import FileRequest, fetch_file

_SHA256_HEX_LENGTH = 64


@dataclass(frozen=True)
class HubFileInfo:
    """What the Hub says of a file: its address, its commit, its length, and its SHA-256 (empty for small files)."""

    url: str
    revision: str
    size: int | None = None
    sha256: str = ""


def fetch_hub_file(
    file: HubFile, path: Path, client: httpx.Client, settings: DownloadTable, listener: Listener
) -> tuple[HubFileInfo, str]:
    """Fetch a file of the Hub to ``path``, unless it is there; returns what the Hub says of it, and its SHA-256.

    Raises:
        InputError: it cannot be fetched, or is not what the Hub says.
    """
    offline = bool(constants.HF_HUB_OFFLINE)
    unknown = HubFileInfo(_url(file, file.revision), file.revision)
    info = unknown if offline else _query_with_retries(file, settings, listener)
    if path.is_file() and info.sha256 and info.size == path.stat().st_size and info.sha256 == sha256(path):
        return info, info.sha256
    cached = try_to_load_from_cache(file.repo, file.file, repo_type="dataset", revision=info.revision)
    if isinstance(cached, str):
        listener.advance(Path(cached).stat().st_size)
        return info, _copy_from_cache(Path(cached), path, info)
    if offline:
        raise InputError(
            f"{file.file} of {file.repo} is not in the Hub's cache, and HF_HUB_OFFLINE forbids fetching it"
        )
    # Of these headers the token alone is needed; httpx drops it when the Hub redirects to another host.
    headers = {key: value for key, value in build_hf_headers().items() if key.lower() == "authorization"}
    request = FileRequest(info.url, path, info.size, info.sha256, headers)
    return info, fetch_file(request, client, settings, listener).sha256


def _url(file: HubFile, revision: str) -> str:
    return hf_hub_url(file.repo, file.file, repo_type="dataset", revision=revision)


def _query(file: HubFile) -> HubFileInfo:
    metadata = get_hf_file_metadata(_url(file, file.revision))
    etag, commit = metadata.etag or "", metadata.commit_hash or file.revision
    # The tag of a large file is its SHA-256, that of a small one git's SHA-1.
    return HubFileInfo(_url(file, commit), commit, metadata.size, etag if len(etag) == _SHA256_HEX_LENGTH else "")


def _query_with_retries(file: HubFile, settings: DownloadTable, listener: Listener) -> HubFileInfo:
    # A network failure raises HTTPError of the HTTP library below: requests in old versions, httpx in new ones.
    http_errors = [parent for parent in HfHubHTTPError.__mro__ if parent.__name__ == "HTTPError"]
    # ValueError and RuntimeError are its words for a header that says nothing sensible.
    network_errors: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, *http_errors)
    for failures in range(1, settings.tries + 1):
        try:
            return _query(file)
        except (GatedRepoError, RepositoryNotFoundError, EntryNotFoundError) as error:
            raise InputError(
                f"{file.file} of {file.repo} (revision {file.revision}) is not available from the Hub: "
                f"{_one_line(error)}; if it needs an account, run 'hf auth login' or set the variable HF_TOKEN"
            ) from error
        except network_errors as error:
            response = getattr(error, "response", None)
            status = getattr(response, "status_code", None)
            permanent = status is not None and status < 500 and status not in (408, 429)
            if permanent or failures == settings.tries:
                raise InputError(f"{file.file} of {file.repo} cannot be fetched: {_one_line(error)}") from error
            requested = retry_after(response.headers) if response is not None else None
            seconds = backoff_seconds(settings.wait_seconds, failures, requested)
            listener.note(f"the Hub does not answer: {_one_line(error)}; again in {seconds:.0f} seconds")
            wait(seconds, listener)
    raise AssertionError("the last failure raises InputError")


def _copy_from_cache(cached: Path, path: Path, info: HubFileInfo) -> str:
    """Link or copy a file of the Hub's cache to ``path``; returns its SHA-256."""
    with replacing(path) as temporary:
        try:
            os.link(cached.resolve(), temporary)
        except OSError:  # another file system, or one without links
            shutil.copyfile(cached, temporary)
        digest = sha256(temporary)
        if info.sha256 not in ("", digest):
            raise InputError(f"{cached} in the Hub's cache is damaged: its SHA-256 is {digest}, not {info.sha256}")
    return digest


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
