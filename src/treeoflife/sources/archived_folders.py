"""Sources that are one folder per container, read from these folders or straight from the archive that they come in.

The images of an archive never touch the file system: they would be millions of small files. A zip can be entered
anywhere by its directory. A .tar.gz cannot: it is read once, which leaves two hidden files beside it, and from then on
any folder can be reached by unpacking at most 128 MB before it (docs/decisions/inat21-from-its-archive.md).
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, ClassVar, cast

from ..core import zip_reader
from ..core.extras import import_extra
from ..core.files import read_json, replacing, stamp, write_json
from ..core.tar_reader import Member, TarError, read_members
from ..core.tar_writer import BLOCK, padded_size
from ..core.values import RawImage, Skip
from ..core.zip_reader import ZipError, ZipMember
from ..errors import ContainerError, InputError
from .base import MAX_FILES, NOT_A_FILE, Container, Span, by_name, too_long
from .file_names import IMAGE_SUFFIXES, safe_file_name
from .image_folders import FolderImages, image_files, subfolders
from .tar_archives import MAX_EXPANSION, is_decompression_bomb, is_gzip, open_tar

UNPACKING = "begun"
"""The content of an :func:`unpack_marker` until the archive is unpacked to its end."""

ArchivedImage = tuple[Member | ZipMember, Callable[[], bytes]]
"""A member of an archive, and a function that returns its data."""

# Each seek point takes 32 kB, so those of iNat21's 224 GB take 57 MB; a seek was measured at 0.75 s.
_SPACING = 128 << 20
_INDEX_VERSION = 2


class ArchivableFolders(FolderImages):
    """A source of one container per folder, whose folders may still be in an archive.

    Attributes:
        path: the folder that holds the folders or the archive; or the archive.
        suffixes: file name endings of the archive: a zip, or tars.
        folder_description: how messages describe the folders.
    """

    name: str
    path: Path
    suffixes: ClassVar[tuple[str, ...]]
    folder_description: ClassVar[str]

    @staticmethod
    @abstractmethod
    def is_container(folder: str) -> bool:
        """Whether a folder of this name is a container."""

    def containers(self) -> list[Container]:
        """One for each folder, whether it is unpacked or not.

        Raises:
            InputError: there is no such folder, the archive was not unpacked to its end, or no index can be written.
            ContainerError: the archive cannot be read.
            MissingExtra: the package that seeks in a .tar.gz is not installed.
        """
        folders = [path for path in subfolders(self.path) if self.is_container(path.name)] if self.path.is_dir() else []
        if archive := archive_to_read(self.path, self.suffixes, unpacked=bool(folders)):
            return self._archived(archive)
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        return self._named(self.path, (Container(self.name, safe_file_name(path.name), path) for path in folders))

    def _archived(self, archive: Path) -> list[Container]:
        zipped = archive.name.endswith(".zip")
        spans = _zip_folders(archive, stamp(archive)) if zipped else _tar_folders(archive)
        containers = (
            Container(self.name, safe_file_name(folder), archive, folder=folder, span=span)
            for folder, span in spans.items()
            if self.is_container(folder)
        )
        return self._named(archive, containers)

    def _named(self, path: Path, containers: Iterable[Container]) -> list[Container]:
        ordered = by_name(containers)
        if not ordered:
            raise InputError(f"[sources.{self.name}] path: no {self.folder_description} in {path}")
        return ordered

    def files(self, container: Container) -> list[Path]:
        """The images in the folder, or the archive."""
        return [container.path] if container.span else image_files(container.path)

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images: those of a folder or a zip ordered by name, those of a tar in its order."""
        if container.span is None:
            yield from super().read(container, max_bytes)
            return
        for position, (member, load) in enumerate(_archived_images(container, container.span, max_bytes)):
            image = self._archived_image(container, member)
            if image.skip or not container.includes(position):
                yield image
            elif member.size > max_bytes:
                yield replace(image, skip=too_long(member.size, max_bytes))
            else:
                yield _load(image, load)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        if container.span is None:
            return super().names(container)
        members = _archived_images(container, container.span, -1)
        return (self._archived_image(container, member) for member, _ in members)

    def _archived_image(self, container: Container, member: Member | ZipMember) -> RawImage:
        image = self.image(container, Path(PurePosixPath(member.name).name))
        return image if member.regular else replace(image, key=None, skip=NOT_A_FILE)


def folder_name(container: Container) -> str:
    """The name of the folder that a container of :class:`ArchivableFolders` is."""
    return container.folder or container.path.name


def _load(image: RawImage, load: Callable[[], bytes]) -> RawImage:
    """The image with its data. Damage to a member of a zip does not affect others, so only this image is skipped."""
    try:
        return replace(image, data=load())
    except ZipError as error:
        return replace(image, skip=Skip("damaged-in-archive", str(error)))


def archive_to_read(path: Path, suffixes: tuple[str, ...], *, unpacked: bool) -> Path | None:
    """The archive to read for a source at ``path``; None if the folders in ``path`` are to be read.

    Folders beside an archive are read if they were unpacked from it to the end, or did not come from it.
    ``unpacked`` says whether there are any.

    Raises:
        InputError: ``path`` holds only folders, and these were not unpacked to the end.
    """
    archive = _find_archive(path, suffixes)
    if archive and (is_partly_unpacked(path) or not unpacked):
        return archive
    if is_partly_unpacked(path.parent):
        raise InputError(
            f"{path} is not unpacked to its end: run 'treeoflife download --unpack' again, or let path name the archive"
        )
    return None


def _find_archive(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    """The archive that ``path`` is, or the only one in the folder ``path``."""
    if path.is_file() and path.name.endswith(suffixes):
        return path
    if not path.is_dir():
        return None
    archives = [file for file in path.iterdir() if file.name.endswith(suffixes) and not file.name.startswith(".")]
    return archives[0] if len(archives) == 1 else None


def unpack_marker(folder: Path, archive: Path) -> Path:
    """The file that says whether ``archive`` is being unpacked into ``folder``, or was to its end."""
    return folder / f".unpacked-{archive.name}.json"


def is_partly_unpacked(folder: Path) -> bool:
    """Whether unpacking an archive into ``folder`` has begun and has not come to its end."""
    return any(read_json(marker) == UNPACKING for marker in folder.glob(".unpacked-*.json"))


def image_folder(name: str) -> str | None:
    """The folder of a member of an archive if the member may be an image, by its name; otherwise None.

    >>> image_folder("train/00001_Animalia/a.JPG"), image_folder("train/00001_Animalia/notes.txt")
    ('00001_Animalia', None)
    """
    path = PurePosixPath(name)
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith(".") or len(path.parts) < 2:
        return None
    return path.parent.name


@contextmanager
def _errors_named(archive: Path) -> Iterator[None]:
    """Turn errors of an archive into ContainerError."""
    try:
        yield
    except (ZipError, TarError, OSError, EOFError) as error:
        raise ContainerError(f"the archive {archive} cannot be read: {error}") from error


# A build asks for the containers several times, and the directory of BIOSCAN's zip has 1.1 million entries.
@lru_cache(maxsize=4)
def _zip_folders(archive: Path, _stamp: str) -> dict[str, Span]:
    """The folders of images in a zip, and where they lie in its directory."""
    spans: dict[str, Span] = {}
    with _errors_named(archive), archive.open("rb") as fd:
        for member in zip_reader.read_entries(fd):
            _extend(spans, image_folder(member.name), member.entry_start, member.entry_end, member.size)
    if is_decompression_bomb(archive.stat().st_size, sum(span.bytes for span in spans.values())):
        raise ContainerError(f"the archive {archive} says that it unpacks to more than {MAX_EXPANSION} times its size")
    return spans


def _extend(spans: dict[str, Span], folder: str | None, start: int, stop: int, size: int) -> None:
    """Extend the span of a folder by a member, unless ``folder`` is None."""
    if folder is None:
        return
    if folder not in spans and len(spans) == MAX_FILES:
        raise ContainerError(f"an archive of more than {MAX_FILES:,} folders; divide it")
    before = spans.get(folder, Span(start, stop, 0))
    spans[folder] = Span(before.start, stop, before.bytes + size)


def _archived_images(container: Container, span: Span, max_bytes: int) -> Iterator[ArchivedImage]:
    read = _zip_images if container.path.name.endswith(".zip") else _tar_images
    return read(container.path, span, container.folder, max_bytes)


def _zip_images(archive: Path, span: Span, folder: str, _max_bytes: int) -> Iterator[ArchivedImage]:
    with _errors_named(archive), archive.open("rb") as fd:
        entries = zip_reader.read_entries(fd, span.start, span.stop)
        images = (member for member in entries if image_folder(member.name) == folder)
        # One more than the limit is enough for the caller, who counts them, to report that there are too many.
        for member in sorted(islice(images, MAX_FILES + 1), key=lambda member: member.name):
            yield member, partial(zip_reader.read_member, fd, member)


def _tar_folders(archive: Path) -> dict[str, Span]:
    """The folders of images in a .tar or .tar.gz. The first time, the whole archive is read and indexed."""
    path = archive.with_name(f".{archive.name}.index.json")
    index = read_json(path)
    expected = {"version": _INDEX_VERSION, "stamp": stamp(archive)}
    if not isinstance(index, dict) or not expected.items() <= index.items():
        index = expected | {"spans": [(folder, *span) for folder, span in _scan(archive).items()]}
        try:
            if is_gzip(archive):
                _write_seek_points(archive)
            write_json(path, index)  # last: without it, a build that was killed before starts over
        except OSError as error:
            raise InputError(
                f"the index of {archive} cannot be written beside it: {error.strerror or error}. If its folder is not "
                "yours, put a link to it into one that is, and let path name the link"
            ) from None
    return {folder: Span(*span) for folder, *span in index["spans"]}


def _scan(archive: Path) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    with open_tar(archive) as stream:
        header_offset = 0  # where the member begins: with headers of its own, such as that of a long name
        for member in read_members(stream, -1):
            end_offset = member.data_offset + padded_size(member.size)
            _extend(spans, image_folder(member.name), header_offset, end_offset, member.size)
            header_offset = end_offset
    return spans


def _seek_points(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.gzidx")


def _write_seek_points(archive: Path) -> None:
    with replacing(_seek_points(archive)) as temporary, _open_gzip(archive, indexed=False) as stream:
        with _errors_named(archive):
            stream.build_full_index()  # type: ignore[attr-defined]
        with temporary.open("wb") as out:
            stream.export_index(fileobj=out)  # type: ignore[attr-defined]


def _open_gzip(archive: Path, *, indexed: bool = True) -> IO[bytes]:
    """The unpacked stream of a .gz, which can seek: quickly, if its seek points are written."""
    indexed_gzip = import_extra(
        "indexed_gzip", "download", f"reading {archive} as it is", "unpack it: treeoflife download inat21 --unpack"
    )
    options = {"index_file": str(_seek_points(archive))} if indexed else {}
    stream = indexed_gzip.IndexedGzipFile(str(archive), spacing=_SPACING, buffer_size=1 << 20, **options)
    return cast("IO[bytes]", stream)


def _tar_images(archive: Path, span: Span, folder: str, max_bytes: int) -> Iterator[ArchivedImage]:
    with _errors_named(archive), _open_gzip(archive) if is_gzip(archive) else archive.open("rb") as stream:
        stream.seek(span.start)
        for member in read_members(_TarPart(stream, span.stop - span.start), max_bytes):
            if image_folder(member.name) == folder:
                yield member, partial(bytes, member.data or b"")


class _TarPart:
    """The next ``size`` bytes of a tar, as an archive of their own: followed by the zeros that end one."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left, self._end = stream, size, bytes(2 * BLOCK)

    def read(self, size: int, /) -> bytes:
        if self._left:
            data = self._stream.read(min(size, self._left))
            self._left -= len(data)
        else:
            data, self._end = self._end[:size], self._end[size:]
        return data
