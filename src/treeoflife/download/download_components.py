"""Downloading the files of components: several at once, recorded when complete, and unpacked where a build needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.download import DownloadTable
from ..core.extras import import_extra
from ..core.files import sha256, stamp
from ..core.lock import exclusive_lock
from ..core.progress import Listener, PartListener, SilentListener
from ..errors import InputError, TasksFailed, TreeoflifeError
from .components import Component
from .downloads_file import FILE_NAME, Entry, append_entry, make_entry
from .files.digests import matching_sha256
from .files.part_file import bytes_received, remove_state
from .files.unpack import unpack_archive
from .inventory import FileState, check_disk_space, file_states, required_bytes

if TYPE_CHECKING:
    import httpx

# Failures that the final message quotes; all were reported when they happened.
_MAX_QUOTED = 5


def download_components(
    components: Sequence[Component],
    root: Path,
    settings: DownloadTable,
    listener: Listener | None = None,
    *,
    unpack: bool = False,
    records: Sequence[Path] = (),
) -> list[Entry]:
    """Fetch the files of the components that are not present, and unpack the archives that a build needs unpacked.

    Args:
        root: the folder of downloads; what it holds is recorded in its ``downloads.jsonl``.
        unpack: whether to unpack the other archives too.
        records: further files to which the entries of new downloads are appended.

    Returns:
        The entries of all files of the components.

    Raises:
        MissingExtra: the extra ``download`` is not installed.
        InputError: the disk is too small, or a file would replace that of another component.
        TasksFailed: some files could not be fetched; the others were.
        BusyError: another run downloads to the same folder.
    """
    listener = listener or SilentListener()
    root.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(root / ".download.lock"):
        states = file_states(components, root)
        check_disk_space(root, required_bytes(states, unpack=unpack))
        for component in components:
            if component.notice:
                listener.note(component.notice)
        return _Downloader(root, settings, listener, unpack, [root / FILE_NAME, *records]).run(states)


@dataclass
class _Downloader:
    """Downloads several files at once. The lock guards the listener and the records, which all threads use."""

    root: Path
    settings: DownloadTable
    listener: Listener
    unpack: bool
    records: Sequence[Path]
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, states: Sequence[FileState]) -> list[Entry]:
        """Download all files; one that fails does not stop the others."""
        import_extra("httpx", "download", "download")
        from .web.http_client import make_client

        self.listener.start("download", sum(state.remaining for state in states), "bytes")
        connections, pool = self.settings.files * self.settings.connections, ThreadPoolExecutor(self.settings.files)
        with make_client(connections, self.settings.stall_seconds) as client, pool:
            futures = [pool.submit(self._download, state, client) for state in states]
            try:
                entries = self._results(futures, [state.path for state in states])
            except BaseException:
                self.stopped.set()  # each thread ends at the next bytes that it receives
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self.listener.finish(f"{len(entries)} files, {sum(entry['size'] for entry in entries) / 1e9:.2f} GB, all whole")
        return entries

    def _results(self, futures: Sequence[Future[Entry]], paths: Sequence[Path]) -> list[Entry]:
        entries: list[Entry] = []
        failures: list[str] = []
        for future in as_completed(futures):
            try:
                entries.append(future.result())
            except TreeoflifeError as error:
                failures.append(str(error))
                self.note(f"failed: {error}")
        if failures:
            more = f" (and {len(failures) - _MAX_QUOTED} more)" if len(failures) > _MAX_QUOTED else ""
            kept = sum(bytes_received(path) for path in paths)
            goes_on = f". {kept:,} bytes of them are kept, and the same command goes on from there" if kept else ""
            raise TasksFailed(
                f"{len(failures)} of {len(futures)} files failed: {'; '.join(failures[:_MAX_QUOTED])}{more}{goes_on}"
            )
        return entries

    def _download(self, state: FileState, client: httpx.Client) -> Entry:
        """Download, record and unpack a file, as far as that is still to be done."""
        try:
            entry, rule = self._present(state) or self._fetch(state, client), state.file.unpack
            if not rule or not (rule.always or self.unpack):
                return entry
            counts = unpack_archive(state.path, self.root, rule, entry["sha256"], self.note)
            return entry if entry.get("unpacked") == counts else self._record({**entry, "unpacked": counts})
        except OSError as error:  # a full disk, for example: the system's message does not name the file
            raise InputError(f"{state.path} cannot be written or read: {error.strerror or error}") from error

    def _present(self, state: FileState) -> Entry | None:
        """The entry of a file that is present; if it was touched, it is hashed, and recorded with its new stamp."""
        if state.entry is None or state.unchanged:
            return state.entry
        self.note(f"{state.file.to} was touched since its download: hashing it")
        if sha256(state.path) == state.entry["sha256"]:
            return self._record({**state.entry, "stamp": stamp(state.path)})
        self.note(f"{state.file.to} is not the file that was downloaded: fetching it again")
        return None

    def _fetch(self, state: FileState, client: httpx.Client) -> Entry:
        file, path = state.file, state.path
        # A file that a user copied here is accepted if it has the published checksum.
        digest = matching_sha256(path, file.checksum) if file.checksum and path.is_file() else ""
        if state.mismatch and not digest:
            self.note(f"{file.to} is compared with its source, or fetched again: {state.mismatch}")
        url, revision = file.url, ""
        with self._listen(state) as listener:
            if file.hub:
                import_extra("huggingface_hub", "download", "download")
                from .files.hub import fetch_hub_file

                info, digest = fetch_hub_file(file.hub, path, client, self.settings, listener)
                url, revision = info.url, info.revision
            elif not digest:
                from .files.transfer import FileRequest, fetch_file

                request = FileRequest(url, path, file.bytes, file.checksum)
                digest = fetch_file(request, client, self.settings, listener).sha256
        entry = make_entry(file.name, self.root, file.to, url, digest, file.licence)
        if file.size and not 0.5 < entry["size"] / file.size < 2:
            self.note(f"{file.to} has {entry['size']:,} bytes, and the list of components says about {file.size:,}")
        entry["asked"] = file.address
        if revision:
            entry["revision"] = revision
        self._record(entry)
        remove_state(path)
        self.note(f"{file.to}: whole, {entry['size'] / 1e6:,.1f} MB, SHA-256 {digest[:12]}…")
        return entry

    @contextmanager
    def _listen(self, state: FileState) -> Iterator[Listener]:
        """A listener for the progress of one file."""
        with self.lock:
            part = self.listener.start_part(state.file.to, state.received, state.size or 0)
        try:
            yield _FileListener(self, state.file.to, part)
        finally:
            with self.lock:
                part.close()

    def _record(self, entry: Entry) -> Entry:
        with self.lock:
            append_entry(self.records, entry)
        return entry

    def note(self, text: str) -> None:
        """Report a message."""
        with self.lock:
            self.listener.note(text)


@dataclass
class _FileListener(SilentListener):
    """Passes on the progress of one file, which counts for the file and for the whole download."""

    downloader: _Downloader
    name: str
    part: PartListener

    def advance(self, units: int) -> None:
        if self.downloader.stopped.is_set():
            raise InputError("stopped")
        with self.downloader.lock:
            self.part.advance(units)
            self.downloader.listener.advance(units)

    def note(self, text: str) -> None:
        self.downloader.note(f"{self.name}: {text}")
