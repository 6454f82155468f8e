"""Images of anybody's benchmark, or their hashes, to be looked for in a dataset.

A benchmark is a folder of images, WebDataset shards, Parquet with images, or hashes: a file that :func:`write_hashes`
wrote, any other Parquet or CSV with a column ``pdq`` or ``sha256``, or a text file of PDQ hashes, one a line.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ..config.own_folders import is_left_out
from ..config.paths import is_utf8
from ..config.tables import Images
from ..core import tar_writer
from ..core.files import replacing
from ..core.folders import Entry, walk_folder
from ..core.objects import as_path
from ..core.progress import Listener
from ..core.tables import parquet_schema
from ..core.tar_reader import TarError, read_members
from ..core.text import reason
from ..core.text_encoding import read_text
from ..core.text_tables import find_columns, match_names, read_text_header, read_text_table
from ..engines.base import Tick, is_expendable
from ..engines.tasks import run_locally
from ..errors import InputError
from ..images import measure
from ..images.convert import Encoded
from ..images.guard import decoder
from ..images.unopened import format_of
from ..sources.containers.image_folders import is_hidden
from ..sources.file_names import IMAGE_SUFFIXES, escape_invalid_utf8

IMAGES: dict[str, Any] = {"image": pl.String, "sha256": pl.Binary, "pdq": pl.Binary, "tar": pl.String,
                          "offset": pl.UInt64, "size": pl.UInt32}  # fmt: skip
"""A row per image of a benchmark: what it is called, the SHA-256 of its file, its perceptual hash, and where its small
picture lies. What is not known is null."""
_FILES_A_PART = 500
_HASH = re.compile("[0-9a-fA-F]{64}")
_BEGINNING = 1 << 12
_HASHES = ("pdq", "sha256")
_WHOLE = (".tar", ".parquet")  # files that hold many images
_PACKED = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_IMAGE_COLUMNS = ("image", "img")
_EXAMPLES = 5  # of files that could not be read
_NAMES = ("image", "file_name", "file", "name", "url")


@dataclass(frozen=True)
class HashTask:
    """A part of a benchmark to hash: files of a folder, a shard, or a Parquet file.

    Attributes:
        files: of a folder, those of this part.
        images: how images are decoded, which must be as in the dataset.
    """

    path: Path
    files: tuple[str, ...]
    images: Images
    tar: Path

    @property
    def label(self) -> str:
        """What messages call it."""
        return str(self.path)


def read_hashes(path: Path) -> pl.DataFrame | None:
    """The hashes in a file; None if it is no file of hashes.

    Raises:
        InputError: it cannot be read, or holds something that is no hash.
    """
    try:
        suffix = path.suffix.lower()
        if suffix == ".parquet" and path.is_file():
            table = _read_hash_columns(path)
        elif suffix in (".csv", ".tsv") and not path.is_dir():
            table = _read_text(path)
        elif suffix == ".txt" and not path.is_dir():
            table = _read_words(path)
        else:
            return None
        return None if table is None else _checked(table, path)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from None


def _read_hash_columns(path: Path) -> pl.DataFrame | None:
    """None if the file has no hashes, or images too: these tell more."""
    schema = _read_schema(path)
    columns = [name for name in (*_HASHES, *_NAMES) if name in schema]
    if not {*_HASHES} & {*columns} or any(_are_images(name, kind) for name, kind in schema.items()):
        return None
    return pl.read_parquet(path, columns=columns, glob=False)


def _read_text(path: Path) -> pl.DataFrame | None:
    """None if the table has no hashes."""
    if not match_names(f"the table {path} has several columns", read_text_header(path), _HASHES):
        return None
    table = read_text_table(path, (*_HASHES, *_NAMES))
    return table.rows.select(**find_columns(path, table, (*_HASHES, *_NAMES)))


def _read_words(path: Path) -> pl.DataFrame | None:
    """None if the first word of a text is no hash."""
    with path.open("rb") as fd:
        beginning = fd.read(_BEGINNING).decode(errors="replace").split()
    if not beginning or not _HASH.fullmatch(beginning[0].lstrip("\ufeff")):
        return None
    return pl.DataFrame({"pdq": read_text(path)[0].split()}, schema={"pdq": pl.String})


def _checked(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    for name in set(_HASHES) & set(table.columns):
        if table.schema[name] == pl.String:
            texts = table[name].str.strip_chars().replace("", None)
            is_wrong = texts.is_not_null() & ~texts.str.contains("^[0-9a-fA-F]{64}$")
            table = table.with_columns(texts.str.decode("hex", strict=False).alias(name))
        else:
            texts, is_wrong = table[name], table[name].is_not_null() & (table[name].bin.size() != 32)
        if is_wrong.any() or texts.null_count() == table.height:
            wrong = texts.filter(is_wrong)
            such = f": {len(wrong):,} of {table.height:,} are not, such as {wrong[0]!r:.60}" if len(wrong) else ""
            raise InputError(f"{path}: the column {name} must have hashes of 256 bits, as bytes or 64 digits{such}")
    named = next((name for name in _NAMES if name in table.columns), None)
    image = pl.col(named).cast(pl.String) if named else pl.int_range(pl.len()).cast(pl.String)
    absent = [pl.lit(None, kind).alias(name) for name, kind in IMAGES.items() if name not in (*table.columns, "image")]
    return table.with_columns(*absent, image=image).select(pl.col(name).cast(kind) for name, kind in IMAGES.items())


@dataclass(frozen=True)
class HashedPart:
    """What was read of a part of a benchmark.

    Attributes:
        images: see :data:`IMAGES`.
        unread: how many of its files are no image that can be decoded.
        examples: the names of some of them, each with the reason.
        others: the name of its file, if that is Parquet without images.
        unread_columns: columns of its Parquet file that may hold images too and were not read.
    """

    images: pl.DataFrame
    unread: int = 0
    examples: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unread_columns: tuple[str, ...] = ()


def hash_tasks(path: Path, images: Images, work: Path) -> list[HashTask]:
    """The parts of a benchmark that has images.

    Raises:
        InputError: there is no file that may have images.
    """
    folder = path if path.is_dir() else path.parent
    contents = _contents(path)
    everything = contents.files
    whole = [one for one in everything if one.suffix.lower() in _WHOLE]
    files = [str(one.relative_to(folder)) for one in everything if one.suffix.lower() in IMAGE_SUFFIXES]
    slices = [tuple(files[start : start + _FILES_A_PART]) for start in range(0, len(files), _FILES_A_PART)]
    parts = [(one, ()) for one in whole] + [(folder, part) for part in slices]
    if not parts:
        raise InputError(_describe_nothing(path, contents))
    return [HashTask(one, part, images, work / f"{number:06d}.tar") for number, (one, part) in enumerate(parts)]


class _Contents(NamedTuple):
    """What a benchmark consists of, ordered by path."""

    files: list[Path]
    no_files: list[Path]
    """Pipes, and links to nothing."""
    left_out: list[Path]
    """Datasets and hold-out sets of this program."""


def _contents(path: Path) -> _Contents:
    """The file, or what is in and below the folder, but for hidden files; links are followed."""
    if not path.is_dir():
        return _Contents([path] if path.exists() else [], [], [])
    left_out: list[Path] = []

    def passes_over(entry: Entry, is_folder: bool) -> bool:
        if is_hidden(entry, is_folder):
            return True
        is_own = is_folder and is_left_out(as_path(entry.path), path)
        left_out.extend([as_path(entry.path)] if is_own else [])
        return is_own

    everything = sorted(walk_folder(path, passes_over).files)
    files = [one for one in everything if one.is_file()]
    return _Contents(files, sorted({*everything} - {*files}), sorted(left_out))


def _describe_nothing(path: Path, contents: _Contents) -> str:
    files = contents.files
    what = "images, WebDataset shards (.tar), Parquet, or hashes (.parquet, .csv, .txt)"
    if not path.exists():
        return f"there is no benchmark at {path}: give a folder or file with {what}"
    if not files and contents.left_out:
        return f"the benchmark {path} has only {contents.left_out[0]}, which belongs to a dataset of this program"
    if not files and contents.no_files:
        return f"the benchmark {path} has only {contents.no_files[0]}, which is no file, or a link to nothing"
    if packed := next(filter(is_packed, files), None):
        return f"{packed} is a compressed archive: unpack it, and give the folder with its {what}"
    listed = f": it has {len(files):,} other files, such as {files[0].name}" if path.is_dir() and files else ""
    return f"the benchmark {path} is {'empty' if path.is_dir() and not files else 'none'}{listed}; give {what}"


def is_packed(path: Path) -> bool:
    """Whether a file is a compressed archive, by its name."""
    return path.suffix.lower() in _PACKED


def _others(contents: _Contents) -> list[str]:
    """The names of the files of a folder that are neither images nor may have any, such as lists and archives."""
    known = (*_WHOLE, *IMAGE_SUFFIXES)
    return [one.name for one in contents.files if one.suffix.lower() not in known] + [
        one.name for one in contents.no_files
    ]


def hash_part(task: HashTask, tick: Tick) -> HashedPart:
    """The hashes of a part of a benchmark, and what of it is no image that can be decoded.

    Raises:
        InputError: it cannot be read.
    """
    is_parquet = not task.files and task.path.suffix.lower() == ".parquet"
    columns = _image_columns(task.path) if is_parquet else []
    if is_parquet and not columns:
        return HashedPart(pl.DataFrame(schema=IMAGES), others=(task.path.name,))
    rows, size, unread, examples = [], 0, 0, list[str]()
    task.tar.parent.mkdir(parents=True, exist_ok=True)
    marker = task.tar.with_suffix(".tried")
    with task.tar.open("wb") as out, decoder(task.images, marker, expendable=is_expendable(tick)) as decode:
        for name, data in _read_images(task):
            made = decode(data)
            tick(1)
            if isinstance(made, Encoded):
                pdq = made.measures.row()[0] if made.measures else None
                place = (str(task.tar), size + tar_writer.BLOCK, len(made.data))
                rows.append((escape_invalid_utf8(name), hashlib.sha256(data).digest(), pdq, *place))
                size += out.write(tar_writer.encode_member(f"{len(rows):08d}.jpg", made.data))
            else:
                unread += 1
                examples += [f"{escape_invalid_utf8(name)} ({made.reason})"] if len(examples) < _EXAMPLES else []
    images = pl.DataFrame(rows, schema=IMAGES, orient="row")
    return HashedPart(images, unread, tuple(examples), unread_columns=tuple(columns[1:]))


def join_parts(benchmark: Path, parts: Sequence[HashedPart], note: Callable[[str], None]) -> pl.DataFrame:
    """The images of all parts; what could not be read is said by ``note``.

    Raises:
        InputError: no image could be read.
    """
    images = pl.concat([pl.DataFrame(schema=IMAGES), *(part.images for part in parts)])
    contents, unread = _contents(benchmark), sum(part.unread for part in parts)
    others = [name for part in parts for name in part.others]
    if others and not benchmark.is_dir():
        raise InputError(f"{benchmark} has no column of images: bytes, or structs that have 'bytes'")
    others += _others(contents) if benchmark.is_dir() else []
    examples = [example for part in parts for example in part.examples][:_EXAMPLES]
    such = f"such as {', '.join(examples)}"
    if not images.height:
        why = f"none of its {unread:,} files of images can be decoded, {such}" if unread else "it has none"
        what = f"; {len(others):,} files are no images, such as {others[0]}" if others else ""
        raise InputError(f"no image of the benchmark {benchmark} could be read: {why}{what}")
    if unread:
        note(f"{unread:,} of the {unread + images.height:,} images of {benchmark} could not be read, {such}")
    if others:
        note(f"{len(others):,} files of {benchmark} are no images and were not read, such as {others[0]}")
    if columns := sorted({name for part in parts for name in part.unread_columns}):
        note(f"columns of Parquet files of {benchmark} that may hold images too were not read: {', '.join(columns)}")
    if contents.left_out:
        one = contents.left_out[0]
        note(f"{len(contents.left_out):,} datasets of this program in {benchmark} were left out, such as {one}")
    return images


def _read_images(task: HashTask) -> Iterator[tuple[str, bytes]]:
    if task.files:
        yield from ((name, (task.path / name).read_bytes()) for name in task.files)
    elif task.path.suffix.lower() == ".tar":
        yield from _read_shard(task)
    else:
        yield from _read_parquet(task.path)


def _read_shard(task: HashTask) -> Iterator[tuple[str, bytes]]:
    try:
        with task.path.open("rb") as fd:
            for member in read_members(fd, task.images.max_bytes):
                if member.regular and Path(member.name).suffix.lower() in IMAGE_SUFFIXES:
                    yield member.name, member.data or b""  # nothing is held of one that is too long
    except (OSError, TarError) as error:
        raise InputError(f"{task.path} cannot be read to its end: {error}") from None


def _image_columns(path: Path) -> list[str]:
    """The columns of a Parquet file that may hold images: bytes, or structs with ``bytes``, as Hugging Face's.

    The first is the one to be read; of several, that is the one called image or img. Of several columns of bytes, those
    without such a name count if their first value begins as an image does: others are hashes, embeddings or ids.

    Raises:
        InputError: the file cannot be read, or its columns do not say which one to read.
    """
    schema = _read_schema(path)
    columns = [name for name, kind in schema.items() if _may_be_images(kind) and name.lower() not in _HASHES]
    if len(columns) > 1:
        columns = [name for name in columns if _are_images(name, schema[name]) or _begins_as_image(path, name)]
    called_so = [name for name in _IMAGE_COLUMNS if name in columns] or [
        name for name in columns if name.lower() in _IMAGE_COLUMNS
    ]
    if len(columns) > 1 and not called_so:
        raise InputError(
            f"{path} has several columns that may hold images, {', '.join(columns)}: keep one of them, or call the one "
            "to be read 'image'"
        )
    return sorted(columns, key=lambda name: name not in called_so[:1])


def has_images(path: Path) -> bool:
    """Whether a file of Parquet has a column of images.

    Raises:
        InputError: it cannot be read.
    """
    return any(
        _may_be_images(kind)
        and name.lower() not in _HASHES
        and (_are_images(name, kind) or _begins_as_image(path, name))
        for name, kind in _read_schema(path).items()
    )


def _begins_as_image(path: Path, column: str) -> bool:
    values = pl.scan_parquet(path, glob=False).select(column).drop_nulls().head(1).collect()[column]
    return bool(len(values)) and format_of(values[0][:16]) is not None


def _read_schema(path: Path) -> pl.Schema:
    if not is_utf8(path):
        raise InputError(f"{path}: a Parquet file is read only if its path is UTF-8: rename it")
    try:
        return parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from None


def _may_be_images(kind: pl.DataType) -> bool:
    return kind == pl.Binary or (isinstance(kind, pl.Struct) and kind.to_schema().get("bytes") == pl.Binary)


def _are_images(name: str, kind: pl.DataType) -> bool:
    """Whether a column is one of images by its type, or by its name."""
    return _may_be_images(kind) and (kind != pl.Binary or name.lower() in _IMAGE_COLUMNS)


def _read_parquet(path: Path) -> Iterator[tuple[str, bytes]]:
    """The images of a Parquet file that has a column of images."""
    column, schema = _image_columns(path)[0], parquet_schema(path)
    names_of_images = ("file_name", "image_id", "id", "name")
    named = next((name for name in names_of_images if name in schema and schema[name] != pl.Binary), None)
    for number in range(0, pl.scan_parquet(path, glob=False).select(pl.len()).collect().item(), _FILES_A_PART):
        rows = (
            pl.scan_parquet(path, glob=False).slice(number, _FILES_A_PART).select({column, named or column}).collect()
        )
        data = rows[column] if schema[column] == pl.Binary else rows[column].struct.field("bytes")
        names = rows[named].cast(pl.String) if named else pl.Series([f"row {number + one}" for one in range(len(data))])
        yield from ((str(name), one or b"") for name, one in zip(names, data, strict=True))


def hash_benchmark(benchmark: Path, work: Path, workers: int | None, listener: Listener) -> pl.DataFrame:
    """The hashes of all images of a benchmark, decoded with the default settings; see :data:`IMAGES`.

    Raises:
        InputError: there is no image, or none can be read.
        TasksFailed: a part cannot be read.
    """
    parts = hash_tasks(benchmark, Images(), work)
    listener.start("hashes", len(parts), "parts")
    hashed = run_locally(hash_part, parts, lambda part: part.label, listener, workers)
    images = join_parts(benchmark, hashed, listener.note)
    listener.finish(f"{images.height} images")
    return images


def write_hashes(path: Path, hashes: pl.DataFrame) -> int:
    """Write hashes that may be shared in place of the images; returns how many.

    Args:
        hashes: see :data:`IMAGES`, for images that were decoded with the default settings.
    """
    table = hashes.select("image", pl.col(_HASHES).bin.encode("hex"))
    with replacing(path) as temporary:
        meta = {"measures": measure.STEP_VERSION, "hashes": "sha256 of the file; pdq, 256 bits"}
        table.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta)})
    return table.height
