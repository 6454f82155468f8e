"""Downloading components: what is there, what is to come, whether the disk takes it, and fetching it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..config.download import DownloadTable
from ..core.files import sha256, stamp
from ..core.lock import locked
from ..core.progress import Listener, PartListener, Silence
from ..errors import ConfigError, InputError, MissingExtra, TasksFailed, TreeoflifeError
from . import part, record
from .components import Component, File, Unpack

_SHOWN = 5
RESERVE = 1_000_000_000
"""Bytes of the disk that are left free."""


@dataclass(frozen=True)
class Place:
    """One file, and what of it is there.

    Attributes:
        path: where it goes.
        size: how long it is, as far as is known.
        there: how many bytes of it came so far.
        line: its line in the record, if it is there and the one on record.
        sure: whether the file is known to be that one; if not, its bytes are to be hashed anew.
        why: why a file that is there is fetched all the same; empty for any other.
    """

    file: File
    path: Path
    size: int | None
    there: int
    line: record.Line | None = None
    sure: bool = True
    why: str = ""

    @property
    def left(self) -> int:
        """How many bytes are still to come, as far as is known."""
        return 0 if self.line else max(0, (self.size or 0) - self.there)


@dataclass(frozen=True)
class Row:
    """What ``--list`` says of a component.

    Attributes:
        size: bytes of all its files, as far as is known; None if nothing is.
        files: how many files it has.
        whole: how many of them are there.
        unsure: how many of these are to be hashed anew, since they were touched.
        there: bytes that are there.
    """

    component: Component
    size: int | None
    files: int
    whole: int
    unsure: int
    there: int


def survey(components: Iterable[Component], root: Path) -> list[Place]:
    """What is there of each file of the components. Nothing is asked of any server, and no file is read."""
    lines = record.read(root / record.NAME)
    return [_place(file, root, lines.get(file.to)) for one in components for file in one.files()]


def _place(file: File, root: Path, line: record.Line | None) -> Place:
    path = root / file.to
    coming = Place(file, path, file.size, part.there(path))
    if not path.is_file():
        return coming
    if line is None:
        return replace(coming, why="it is there, but nothing says where from")
    if line["component"] != file.component.name:
        raise InputError(
            f"{path} belongs to {line['component']}, and {file.component.name} would go there: choose another folder "
            f"with --to, or set to in [download.components.{file.component.name}] of dataset.toml"
        )
    if (asked := line.get("asked", line["url"])) != file.address:
        return replace(coming, why=f"the one that is there came from {asked}, now the list names {file.address}")
    if line["size"] != path.stat().st_size or not file.fits(line["sha256"]):
        return replace(coming, why="the one that is there has another length or checksum")
    return Place(file, path, line["size"], line["size"], line, sure=line["stamp"] == stamp(path))


def rows(components: Iterable[Component], root: Path) -> list[Row]:
    """What ``--list`` shows."""
    return [_row(one, survey([one], root), root) for one in components]


def _row(component: Component, places: Sequence[Place], root: Path) -> Row:
    if component.kind == "images":
        ledgers = [*(root / component.to / "ledger").glob("*.parquet")]
        return Row(component, None, 0, len(ledgers), 0, 0)
    size = sum(place.size or 0 for place in places) or None
    whole = sum(place.line is not None for place in places)
    unsure = sum(not place.sure for place in places)
    return Row(component, size, len(places), whole, unsure, sum(place.there for place in places))


def needed(places: Iterable[Place], *, unpack: bool) -> int:
    """How many bytes the disk must take, as far as the list knows."""
    total = 0
    for place in places:
        rule = place.file.component.unpack
        total += place.left
        if rule and (rule.always or unpack) and not (place.line and place.line.get("unpacked")):
            total += rule.bytes or 0
    return total


def check_space(places: Sequence[Place], root: Path, *, unpack: bool) -> None:
    """See that the disk takes what is to come.

    Raises:
        InputError: it does not.
    """
    see_room(root, needed(places, unpack=unpack))


def see_room(root: Path, wanted: int) -> None:
    """See that the disk takes so many bytes.

    Raises:
        InputError: it does not.
    """
    there = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if wanted and wanted + RESERVE > free:
        raise InputError(
            f"{root} has {free / 1e9:.1f} GB free, and {wanted / 1e9:.1f} GB are to come "
            f"({RESERVE / 1e9:.0f} GB are left free): choose another folder with --to, or fewer components"
        )


def notices(components: Iterable[Component]) -> list[str]:
    """What is to be known before the first byte: terms, and licences that forbid to pass the files on."""
    found = []
    for one in components:
        if one.terms or not one.redistribution:
            forbids = "" if one.redistribution else " It may NOT be redistributed."
            found.append(f"{one.name}: {one.licence}.{forbids} {one.terms}".rstrip())
    return found


def download(
    components: Sequence[Component],
    root: Path,
    settings: DownloadTable,
    listener: Listener | None = None,
    *,
    unpack: bool = False,
    records: Sequence[Path] = (),
) -> list[record.Line]:
    """Fetch all files of the components that are not there, and unpack those that the build needs unpacked.

    Args:
        root: the folder of downloads; its ``downloads.jsonl`` says what came.
        unpack: unpack the others too.
        records: further files that take the lines for what comes now.

    Returns:
        The lines of all files, also of those that were there.

    Raises:
        MissingExtra: a package is needed that is not installed.
        InputError: the disk is too small.
        TasksFailed: some files could not be fetched; the others were.
        BusyError: another run downloads to the same folder.
    """
    listener = listener or Silence()
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".download.lock"):
        places = survey(components, root)
        check_space(places, root, unpack=unpack)
        for text in notices(components):
            listener.note(text)
        return _Run(root, settings, listener, unpack, [root / record.NAME, *records]).all(places)


@dataclass
class _Run:
    """What the fetching of several files shares."""

    root: Path
    settings: DownloadTable
    listener: Listener
    unpack: bool
    records: Sequence[Path]

    def __post_init__(self) -> None:
        self._lock, self._stop = threading.Lock(), threading.Event()

    def all(self, places: Sequence[Place]) -> list[record.Line]:
        """Fetch, several at a time; a file that fails does not keep the others from coming."""
        self.listener.start("download", sum(place.left for place in places), "bytes")
        lines: list[record.Line] = []
        failures: list[str] = []
        with self._client() as client, ThreadPoolExecutor(self.settings.files) as pool:
            waiting = [pool.submit(self._one, place, client) for place in places]
            try:
                for done in as_completed(waiting):
                    try:
                        lines.append(done.result())
                    except TreeoflifeError as error:
                        failures.append(str(error))
                        self._note(f"failed: {error}")
            except BaseException:
                self._stop.set()  # the threads end with the next bytes that come
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if failures:
            more = f" (and {len(failures) - _SHOWN} more)" if len(failures) > _SHOWN else ""
            raise TasksFailed(
                f"{len(failures)} of {len(places)} files failed: {'; '.join(failures[:_SHOWN])}{more}. "
                "What came is kept, and the same command goes on from there"
            )
        self.listener.finish(f"{len(lines)} files, {sum(line['size'] for line in lines) / 1e9:.2f} GB, all whole")
        return lines

    def _client(self) -> Any:
        httpx = needs("httpx")
        connections = self.settings.files * self.settings.connections + 2
        try:
            return httpx.Client(
                follow_redirects=True,
                timeout=httpx.Timeout(self.settings.stall_seconds, pool=None),
                limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
                headers={"User-Agent": agent()},
            )
        except (ValueError, ImportError, OSError) as error:
            raise ConfigError(
                "the variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR hold what "
                f"cannot be used: {error}"
            ) from None

    def _one(self, place: Place, client: Any) -> record.Line:
        try:
            line = self._known(place) or self._fetch(place, client)
            rule = place.file.component.unpack
            return self._unpacked(place, line, rule) if rule and (rule.always or self.unpack) else line
        except OSError as error:  # such as a full disk, of which the error itself does not say which file it was
            raise InputError(f"{place.path} cannot be written or read: {error.strerror or error}") from error

    def _known(self, place: Place) -> record.Line | None:
        """The line of a file that is there; one that was touched is hashed, and put on record as it is now."""
        if place.line is None or place.sure:
            return place.line
        self._note(f"{place.file.to} was touched since it came: hashing it")
        if sha256(place.path) != place.line["sha256"]:
            self._note(f"{place.file.to} is not the file that came: fetched anew")
            return None
        line: record.Line = {**place.line, "stamp": stamp(place.path)}
        self._record(line)
        return line

    def _unpacked(self, place: Place, line: record.Line, rule: Unpack) -> record.Line:
        from .unpack import unpack

        counts = unpack(place.path, self.root, rule, line["sha256"], self._note)
        if line.get("unpacked") != counts:
            line = {**line, "unpacked": counts}
            self._record(line)
        return line

    def _fetch(self, place: Place, client: Any) -> record.Line:
        file, revision, adopted = place.file, "", _adopted(place)
        if place.why and not adopted:
            self._note(f"{file.to} is checked against its source, or fetched anew: {place.why}")
        with self._telling(place) as told:
            if file.hub:
                hub = needs("treeoflife.download.hub", "huggingface_hub")
                found, digest = hub.fetch(file.hub, place.path, client, self.settings, told)
                url, revision = found.url, found.revision
            else:
                url, digest = file.url, adopted or self._over_http(place, client, told)
        line = record.line(file.component.name, self.root, file.to, url, digest, file.component.licence)
        line["asked"] = file.address
        if revision:
            line["revision"] = revision
        self._record(line)
        part.forget(place.path)
        self._note(f"{file.to}: whole, {line['size'] / 1e6:,.1f} MB, SHA-256 {digest[:12]}…")
        return line

    def _over_http(self, place: Place, client: Any, told: Any) -> str:
        transfer = needs("treeoflife.download.transfer", "httpx")
        component = place.file.component
        wanted = transfer.Wanted(place.file.url, place.path, component.bytes, component.sha256 or component.md5)
        digest: str = transfer.fetch(wanted, client, self.settings, told).sha256
        return digest

    @contextmanager
    def _telling(self, place: Place) -> Iterator[Any]:
        """Tells the listener of a file: of its bytes, which are counted in all too, and of what goes wrong."""
        transfer = needs("treeoflife.download.transfer", "httpx")
        with self._lock:
            part = self.listener.part(place.file.to, place.there, place.size or 0)
        try:
            yield transfer.Told(
                lambda units: self._advance(part, units), lambda text: self._note(f"{place.file.to}: {text}")
            )
        finally:
            with self._lock:
                part.close()

    def _advance(self, part: PartListener, units: int) -> None:
        if self._stop.is_set():
            raise InputError("stopped")
        with self._lock:
            part.advance(units)
            self.listener.advance(units)

    def _record(self, line: record.Line) -> None:
        with self._lock:
            record.append(self.records, line)

    def _note(self, text: str) -> None:
        with self._lock:
            self.listener.note(text)


def _adopted(place: Place) -> str:
    """The SHA-256 of a file that somebody put in its place, if it has the published checksum; else nothing."""
    component, path = place.file.component, place.path
    if not path.is_file() or not (component.md5 or component.sha256):
        return ""
    digest = sha256(path)
    return digest if (component.sha256 or component.md5) in (digest, _md5(path)) else ""


def _md5(path: Path) -> str:
    import hashlib

    with path.open("rb") as fd:
        return hashlib.file_digest(fd, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def agent(contact: str = "") -> str:
    """Who asks, for servers' logs."""
    return f"treeoflife/{__version__} (dataset builder{'; ' + contact if contact else ''})"


def needs(module: str, package: str = "") -> Any:
    """A module that is there only with the extra ``download``.

    Raises:
        MissingExtra: it is not.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{package or module} is needed: pip install 'treeoflife[download]' ({error})") from None


def configured(table: DownloadTable, to: Path | None) -> Path:
    """The folder of downloads: as asked for, or as configured.

    Raises:
        ConfigError: it is a file.
    """
    root = to.expanduser().absolute() if to else table.path
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root} is not a folder")
    return root
