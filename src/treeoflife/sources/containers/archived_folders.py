"""Sources that are one folder per container, read from these folders or straight from the archive that they come in.

The images of an archive never touch the file system: they would be millions of small files. A zip can be entered
anywhere by its directory. A .tar.gz cannot: it is read once, which leaves two hidden files beside it, and from then on
any folder can be reached by unpacking at most 128 MB before it (docs/decisions/inat21-from-its-archive.md).
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import IO, ClassVar, NamedTuple, cast

from ...core import zip_reader
from ...core.extras import import_extra
from ...core.files import replacing, stamp, write_json
from ...core.json_reader import read_json
from ...core.object_stores import not_on_this_computer
from ...core.objects import ObjectPath
from ...core.tar_reader import Member, TarError, read_members
from ...core.tar_writer import BLOCK, padded_size
from ...core.values import Key, RawImage, Skip
from ...core.zip_reader import ZipError, ZipMember
from ...errors import ContainerError, InputError
from .. import not_taken
from ..base import MAX_FILES, NOT_A_FILE, NOT_TAKEN, Container, Span, by_name, too_long
from ..file_names import escape_invalid_utf8, is_harmless, is_image_name, safe_file_name, show_names
from .image_folders import FolderImages, list_files, list_images, loose_files, subfolders
from .tar_archives import MAX_EXPANSION, is_decompression_bomb, is_gzip, open_tar

UNPACKING = "begun"
"""The content of an :func:`unpack_marker` until the archive is unpacked to its end."""

ArchivedImage = tuple[Member | ZipMember, Callable[[], bytes]]
"""A member of an archive, and a function that returns its data."""
Number = Callable[[str], int | None]
"""Returns the number in the name of a folder that is a container, otherwise None."""

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
    def number(folder: str) -> int | None:
        """The number in the name of a folder that is a container, which is part of its images' keys; otherwise None."""

    @abstractmethod
    def key_of(self, container: Container, filename: str) -> Key:
        """The natural key of an image of a container."""

    def containers(self) -> list[Container]:
        """One for each folder, whether it is unpacked or not; and one of files that are no images of the source.

        Raises:
            InputError: there is no such folder, two have the same number, the archive was not unpacked to its end, no
                index can be written, or there are other folders with images.
            ContainerError: the archive cannot be read.
            MissingExtra: the package that seeks in a .tar.gz is not installed.
        """
        folders = subfolders(self.path) if self.path.is_dir() else []
        own = [path for path in folders if self.number(path.name) is not None]
        if archive := archive_to_read(self.path, self.suffixes, unpacked=bool(own)):
            return [*self._archived(archive), *self._beside(archive, folders)]
        if not self.path.is_dir():
            archives = ", ".join(self.suffixes)
            what = f"is neither a folder nor an archive ({archives})" if self.path.exists() else "is not there"
            raise InputError(f"[sources.{self.name}] path: {self.path} {what}")
        others = sorted(set(folders) - set(own))
        containers = {path.name: Container(self.name, safe_file_name(path.name), path) for path in own}
        with_data = [path.name for path in others if not_taken.holds_data(path)]
        if not own:
            with_data += [path.name for path in loose_files(self.path) if not_taken.is_archive(path.name)]
        return [*self._checked(self.path, containers, with_data), *self._beside(None, others)]

    def _archived(self, archive: Path) -> list[Container]:
        zipped = archive.name.lower().endswith(".zip")
        folders = _zip_folders(archive, stamp(archive), self.number) if zipped else _tar_folders(archive, self.number)
        spans = {PurePosixPath(folder): span for folder, span in folders.items()}
        containers = {
            str(folder): Container(self.name, safe_file_name(folder.name), archive, folder=folder.name, span=span)
            for folder, span in spans.items()
            if self.number(folder.name) is not None
        }
        outside = "images outside of all folders"
        others = [str(folder) if folder.name else outside for folder in spans if self.number(folder.name) is None]
        return self._checked(archive, containers, others)

    def _checked(self, path: Path, containers: Mapping[str, Container], others: Collection[str]) -> list[Container]:
        """The containers of folders, in order; an error if there is none, two have a number, or others hold images."""
        if not containers:
            below = f"; path may have to name {show_names(others)} in it" if others else ""
            raise InputError(f"[sources.{self.name}] path: no {self.folder_description} in {path}{below}")
        not_taken.refuse(self.name, others, path, f"is no {self.folder_description}")
        folders: dict[int | None, str] = {}
        for folder, container in containers.items():
            number = self.number(folder_name(container))
            if number in folders:
                raise InputError(
                    f"[sources.{self.name}] path: two folders in {path} have the number {number}, "
                    f"{show_names([folders[number], folder])}; rename one, or move it elsewhere"
                )
            folders[number] = folder
        return by_name(containers.values())

    def _beside(self, archive: Path | None, folders: Iterable[Path]) -> list[Container]:
        """A container of the files that lie beside the containers, or beside the archive that holds them."""
        if not self.path.is_dir():
            return []
        if archive and unpack_marker(self.path, archive).exists():
            folders = []  # they were unpacked from the archive
        elif archive:
            with_data = [path.name for path in folders if not_taken.holds_data(path)]
            not_taken.refuse(self.name, with_data, self.path, f"is beside {archive.name}, which is read")
        files = [
            path for path in loose_files(self.path) if path != archive and not unpack_marker(self.path, path).exists()
        ]
        files += [file for folder in folders for file in list_files(folder)[0]]
        return not_taken.containers(self.name, self.path, files)

    def files(self, container: Container) -> list[Path]:
        """The images in the folder and then all else in it, or the archive."""
        if container.name == NOT_TAKEN:
            return not_taken.files(container)
        return [container.path] if container.span else [*chain(*list_images(container.path))]

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the folder, without data; or a row of the ledger for another file."""
        return self._image(container, path.relative_to(container.path).as_posix())

    def _image(self, container: Container, name: str) -> RawImage:
        if container.name == NOT_TAKEN or "/" in name or not is_image_name(name):
            return not_taken.image(name)
        name = escape_invalid_utf8(name)
        return RawImage(name, self.key_of(container, name))

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images: those of a folder or a zip ordered by name, those of a tar in its order."""
        if container.span is None:
            yield from super().read(container, max_bytes)
            return
        for position, (member, load) in enumerate(self._members(container, container.span, max_bytes)):
            image = self._archived_image(container, member)
            if image.skip or not container.includes(position):
                yield image
            elif member.size > max_bytes:
                yield replace(image, skip=too_long(member.size, max_bytes))
            else:
                yield load_member(image, load)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        if container.span is None:
            return super().names(container)
        members = self._members(container, container.span, -1)
        return (self._archived_image(container, member) for member, _ in members)

    def _members(self, container: Container, span: Span, max_bytes: int) -> Iterator[ArchivedImage]:
        read = zip_members if container.path.name.lower().endswith(".zip") else _tar_members
        is_own = partial(_is_in, container.folder, self.number)
        return read(container.path, span, is_own, max_bytes)

    def _archived_image(self, container: Container, member: Member | ZipMember) -> RawImage:
        place = place_of(member, self.number)
        image = self._image(container, place.name if place else "")
        return image if member.regular else replace(image, key=None, skip=NOT_A_FILE)


def folder_name(container: Container) -> str:
    """The name of the folder that a container of :class:`ArchivableFolders` is."""
    return container.folder or container.path.name


def load_member(image: RawImage, load: Callable[[], bytes]) -> RawImage:
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
    if archive and archive.exists() and not archive.is_file():  # opening a named pipe would block
        raise InputError(f"{archive} is neither a file nor a link to one")
    if archive and (is_partly_unpacked(path) or not unpacked):
        return archive
    if is_partly_unpacked(path.parent):
        raise InputError(
            f"{path} is not unpacked to its end: run 'treeoflife download --unpack' again, or let path name the archive"
        )
    return None


def _find_archive(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    """The archive that ``path`` is, or the only one in the folder ``path``."""
    if not path.is_dir() and path.exists() and path.name.lower().endswith(suffixes):
        return path
    if not path.is_dir():
        return None
    archives = [file for file in loose_files(path) if file.name.lower().endswith(suffixes)]
    return archives[0] if len(archives) == 1 else None


def unpack_marker(folder: Path, archive: Path) -> Path:
    """The file that says whether ``archive`` is being unpacked into ``folder``, or was to its end."""
    return folder / f".unpacked-{archive.name}.json"


def is_partly_unpacked(folder: Path) -> bool:
    """Whether unpacking an archive into ``folder`` has begun and has not come to its end."""
    return any(read_json(marker) == UNPACKING for marker in folder.glob(".unpacked-*.json"))


class Place(NamedTuple):
    """Where a member lies in an archive: the path of its folder, and its name, with slashes if it lies deeper."""

    folder: str
    name: str


def place_of(member: Member | ZipMember, number: Number) -> Place | None:
    """The place of a member; None for folders and for what is harmless.

    Args:
        number: says whether a folder is a container: see :meth:`ArchivableFolders.number`. What lies in folders below
            a container belongs to it; in other places, a member's folder is the one that holds it.

    >>> place_of(Member("train/1_Animalia/new/a.JPG", 9, 512, True), lambda name: 1 if "_" in name else None)
    Place(folder='train/1_Animalia', name='new/a.JPG')
    """
    *folders, name = PurePosixPath(member.name).parts or ("",)
    if not (member.regular or is_image_name(name)) or is_harmless(name):
        return None
    if any(is_harmless(folder, folder=True) for folder in folders if folder != ".."):
        return None
    depth = next((depth for depth, folder in enumerate(folders, 1) if number(folder) is not None), len(folders))
    return Place("/".join(folders[:depth]), "/".join([*folders[depth:], name]))


@contextmanager
def errors_named(archive: Path) -> Iterator[None]:
    """Turn errors of an archive into ContainerError."""
    try:
        yield
    except (ZipError, TarError, OSError, EOFError) as error:
        raise ContainerError(f"the archive {archive} cannot be read: {error}") from error


# A build asks for the containers several times, and the directory of BIOSCAN's zip has 1.1 million entries.
@lru_cache(maxsize=4)
def _zip_folders(archive: Path, _stamp: str, number: Number) -> dict[str, Span]:
    """The folders of files in a zip, and where they lie in its directory."""
    spans: dict[str, Span] = {}
    with errors_named(archive), archive.open("rb") as fd:
        for member in zip_reader.read_entries(fd):
            _extend(spans, place_in(archive, member, number), member.entry_start, member.entry_end, member.size)
    if is_decompression_bomb(archive.stat().st_size, sum(span.bytes for span in spans.values())):
        raise ContainerError(f"the archive {archive} says that it unpacks to more than {MAX_EXPANSION} times its size")
    return spans


def place_in(archive: Path, member: Member | ZipMember, number: Number) -> Place | None:
    """The place of a member; an InputError if it is in no folder since it has backslashes in place of slashes."""
    place = place_of(member, number)
    *folders, file = place.name.split("\\") if place else [""]
    is_lost = bool(folders) and (is_image_name(file) or any(number(one) is not None for one in folders))
    if is_lost and place and number(PurePosixPath(place.folder).name) is None:
        raise InputError(
            f"the archive {archive} has a member {escape_invalid_utf8(member.name)}, whose name has backslashes where "
            "folders need slashes: unpack it with a program that takes them for slashes, and pack the folders anew"
        )
    return place


def _extend(spans: dict[str, Span], place: Place | None, start: int, stop: int, size: int) -> None:
    """Extend the span of a folder by a member, unless its place is None."""
    if place is None:
        return
    if (folder := place.folder) not in spans and len(spans) == MAX_FILES:
        raise ContainerError(f"an archive of more than {MAX_FILES:,} folders; divide it")
    before = spans.get(folder, Span(start, stop, 0))
    spans[folder] = Span(before.start, stop, before.bytes + size)


def _is_in(folder: str, number: Number, member: Member | ZipMember) -> bool:
    place = place_of(member, number)
    return place is not None and PurePosixPath(place.folder).name == folder


def zip_members(
    archive: Path, span: Span, is_own: Callable[[ZipMember], bool], _max_bytes: int
) -> Iterator[ArchivedImage]:
    with errors_named(archive), archive.open("rb") as fd:
        own = filter(is_own, zip_reader.read_entries(fd, span.start, span.stop))
        # One more than the limit is enough for the caller, who counts them, to report that there are too many.
        for member in sorted(islice(own, MAX_FILES + 1), key=lambda member: member.name):
            yield member, partial(zip_reader.read_member, fd, member)


def _tar_folders(archive: Path, number: Number) -> dict[str, Span]:
    """The folders of files in a .tar or .tar.gz. The first time, the whole archive is read and indexed."""
    if isinstance(archive, ObjectPath):  # the index would be written among sources that are only to be read
        raise not_on_this_computer(str(archive))
    path = archive.with_name(f".{archive.name}.index.json")
    index = read_json(path)
    expected = {"version": _INDEX_VERSION, "stamp": stamp(archive)}
    if not isinstance(index, dict) or not expected.items() <= index.items():
        index = expected | {"spans": [(folder, *span) for folder, span in _scan(archive, number).items()]}
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


def _scan(archive: Path, number: Number) -> dict[str, Span]:
    spans: dict[str, Span] = {}
    with open_tar(archive) as stream:
        header_offset = 0  # where the member begins: with headers of its own, such as that of a long name
        for member in read_members(stream, -1):
            end_offset = member.data_offset + padded_size(member.size)
            _extend(spans, place_in(archive, member, number), header_offset, end_offset, member.size)
            header_offset = end_offset
    return spans


def _seek_points(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.gzidx")


def _write_seek_points(archive: Path) -> None:
    with replacing(_seek_points(archive)) as temporary, _open_gzip(archive, indexed=False) as stream:
        with errors_named(archive):
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


def _tar_members(
    archive: Path, span: Span, is_own: Callable[[Member], bool], max_bytes: int
) -> Iterator[ArchivedImage]:
    with errors_named(archive), _open_gzip(archive) if is_gzip(archive) else archive.open("rb") as stream:
        stream.seek(span.start)
        for member in read_members(_TarPart(stream, span.stop - span.start), max_bytes):
            if is_own(member):
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
