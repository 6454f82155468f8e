"""The images of BIOSCAN-5M: ``<split>/[<chunk>/]<processid>.jpg`` in folders, or in the zips that it is published in.

https://github.com/bioscan-ml/BIOSCAN-5M. Its own splits say nothing about those of a dataset, and are no part of keys.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath

from ..core import zip_reader
from ..core.files import stamp
from ..core.values import RawImage
from ..core.zip_reader import ZipError, ZipMember
from ..errors import ContainerError
from . import not_taken
from .base import NOT_A_FILE, Container, Span, by_name, too_long
from .containers.archived_folders import Place, errors_named, load_member, place_in, place_of, zip_members
from .containers.image_folders import list_files, list_images, loose_files, subfolders
from .containers.tar_archives import MAX_EXPANSION, is_decompression_bomb
from .file_names import escape_invalid_utf8, is_image_name, safe_file_name

PART = 0
"""The part in the natural keys of all its images: only BIOSCAN-1M has parts, and counts them from 1 on."""
_A_PART = re.compile("part[0-9]+", re.ASCII)
SPLITS = frozenset(
    ("pretrain", "train", "val", "test", "key_unseen", "val_unseen", "test_unseen", "other_heldout")
)  # fmt: skip


def are_there(path: Path) -> bool:
    """Whether its images are at a path, and not the parts of BIOSCAN-1M."""
    return bool(_folders(path)) or any(map(_holds_splits, _zips(path)))


def containers(source: str, path: Path) -> list[Container]:
    """One for each folder of images, whether it is unpacked or not; and one of files that are no images.

    Raises:
        InputError: there are other folders with images beside those of splits.
        ContainerError: a zip cannot be read.
    """
    folders = _folders(path)
    zips = [] if folders else _zips(path)
    found = by_name(
        [*chain(*(_unpacked(source, one) for one in folders)), *chain(*(_zipped(source, one) for one in zips))]
    )
    if not path.is_dir():
        return found
    others = [one for one in subfolders(path) if one not in folders]
    refused = [one.name for one in others if not_taken.holds_data(one)]
    not_taken.refuse(source, refused, path, "is no split of BIOSCAN-5M")
    files = [one for one in loose_files(path) if one not in zips]
    files += [file for folder in others for file in list_files(folder)[0]]
    return [*found, *not_taken.containers(source, path, files)]


def _folders(path: Path) -> list[Path]:
    """The folders of splits at a path; none if they hold parts of BIOSCAN-1M."""
    own = [one for one in subfolders(path) if one.name in SPLITS] if path.is_dir() else []
    return [] if any(_A_PART.fullmatch(below.name) for one in own for below in subfolders(one)) else own


def _zips(path: Path) -> list[Path]:
    files = loose_files(path) if path.is_dir() else [path]
    return [one for one in files if one.is_file() and one.name.lower().endswith(".zip")]


def _unpacked(source: str, split: Path) -> Iterator[Container]:
    if loose_files(split):
        yield Container(source, split.name, split)
    for chunk in subfolders(split):
        yield Container(source, safe_file_name(f"{split.name}-{chunk.name}"), chunk)


def _zipped(source: str, archive: Path) -> Iterator[Container]:
    folders = _zip_folders(archive, stamp(archive))
    outside = [folder or "images outside of all folders" for folder in folders if not _split_of(folder)]
    not_taken.refuse(source, outside, archive, "is in no split of BIOSCAN-5M")
    for folder, span in folders.items():
        name = safe_file_name("-".join((archive.stem, *_split_of(folder))))
        yield Container(source, name, archive, folder=folder, span=span)


def files(container: Container) -> list[Path]:
    """The images in the folder and then all else in it, or the zip."""
    if container.span:
        return [container.path]
    return loose_files(container.path) if container.path.name in SPLITS else [*chain(*list_images(container.path))]


def image(name: str) -> RawImage:
    """An image, without data, by its name in its folder; or a row of the ledger for another file."""
    if "/" in name or not is_image_name(name):
        return not_taken.image(name)
    name = escape_invalid_utf8(name)
    return RawImage(name, (PART, name))


def read_zipped(container: Container, max_bytes: int, *, data: bool) -> Iterator[RawImage]:
    """The images of a container in a zip, ordered by name; without ``data``, their names alone."""
    assert container.span
    members = zip_members(
        container.path, container.span, lambda one: _folder_of(container.path, one) == container.folder, max_bytes
    )
    for position, (member, load) in enumerate(members):
        found = image(PurePosixPath(member.name).name)
        if not member.regular:
            found = replace(found, key=None, skip=NOT_A_FILE)
        if found.skip or not data or not container.includes(position):
            yield found
        elif member.size > max_bytes:
            yield replace(found, skip=too_long(member.size, max_bytes))
        else:
            yield load_member(found, load)


def _split_of(folder: str) -> tuple[str, ...]:
    """The split in the path of a folder, and what lies below it; nothing if there is none.

    >>> _split_of("bioscan5m/images/original_256/pretrain/03"), _split_of("part1")
    (('pretrain', '03'), ())
    """
    parts = PurePosixPath(folder).parts
    start = next((number for number, part in enumerate(parts) if part in SPLITS), len(parts))
    return parts[start:]


def _folder_of(archive: Path, member: ZipMember) -> str | None:
    """The folder that a member lies in; None for folders and for what is harmless."""
    place = place_in(archive, member, lambda _: None)
    return place.folder if place else None


def _holds_splits(archive: Path) -> bool:
    """Whether the first file of a zip lies in a split. One that cannot be read says so where it is read."""
    try:
        with archive.open("rb") as fd:
            places = (place_of(member, lambda _: None) for member in zip_reader.read_entries(fd))
            first = next(filter(None, places), Place("", ""))
    except (ZipError, OSError):
        return False
    is_part = _A_PART.fullmatch(PurePosixPath(first.folder).name)
    return bool(_split_of(first.folder)) and not is_part and "\\" not in first.name


# A build asks for the containers several times, and the directories of BIOSCAN-5M have five million entries.
@lru_cache(maxsize=32)
def _zip_folders(archive: Path, _stamp: str) -> dict[str, Span]:
    """The folders of files in a zip, and where they lie in its directory."""
    spans: dict[str, Span] = {}
    with errors_named(archive), archive.open("rb") as fd:
        for member in zip_reader.read_entries(fd):
            if (folder := _folder_of(archive, member)) is not None:
                before = spans.get(folder, Span(member.entry_start, 0, 0))
                spans[folder] = Span(before.start, member.entry_end, before.bytes + member.size)
    if is_decompression_bomb(archive.stat().st_size, sum(span.bytes for span in spans.values())):
        raise ContainerError(f"the archive {archive} says that it unpacks to more than {MAX_EXPANSION} times its size")
    return spans
