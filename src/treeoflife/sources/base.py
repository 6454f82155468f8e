"""The contract that every source of images keeps, whether it is built in or a plug-in.

A source is a class that is registered as an entry point of the group ``treeoflife.sources``, under the ``kind`` that
dataset.toml calls it by. :class:`treeoflife.testing.SourceContract` tests that a class keeps the contract. The
``pyproject.toml`` of a plug-in, and the ``dataset.toml`` that uses it::

    [project.entry-points."treeoflife.sources"]
    traps = "my_package:Traps"

    [sources.traps]
    path = "raw/traps"
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from ..config.base import Model
from ..core.files import stamp
from ..core.folders import LEADS_NOWHERE
from ..core.values import Label, RawImage, Skip
from ..errors import ContainerError, InputError
from .file_names import name_bytes

if TYPE_CHECKING:
    from ..core.database import Database

MAX_FILES = 1_000_000
"""The most files that a container may hold: a worker keeps a row for each in memory. EOL's archives hold a tenth."""
GROUP_COLUMNS = ("observation", "observer", "place")
"""What images may have in common, so that a trainer wants them in the same split: an observation, occurrence or
specimen; who made it; where."""
PROVENANCE_COLUMNS = (
    "source_id", "data_source", "source_url", "license_name", "license_link", "copyright_owner", "title",
)  # fmt: skip
"""Where an image comes from and who owns it, as the source says it; those of TreeOfLife-200M's provenance.parquet."""
ABOUT_COLUMNS = (*GROUP_COLUMNS, *PROVENANCE_COLUMNS)
NOT_TAKEN = "not-taken"
"""The name of the container of what lies in a source and is no image of it, and the reason in the ledger."""
_INT64 = 1 << 63
NOT_A_FILE = Skip("not-a-file", "a link, device or sparse file in the archive")
"""The reason for not reading a member of an archive that has no data of its own."""


class Span(NamedTuple):
    """Where the images of one folder lie in an archive; images of other folders may lie between them."""

    start: int
    """The offset in bytes where they begin: in the unpacked stream of a tar, or among the entries of a zip."""
    stop: int
    """The offset where they end."""
    bytes: int
    """The size of the images, unpacked."""


@dataclass(frozen=True)
class Container:
    """The unit in which a source is read, and in which its images are encoded and stored.

    Attributes:
        source: the source's name.
        name: unique within the source, and fit to be a file name.
        path: the archive or folder to read.
        members: the files of this container, relative to ``path``, where a folder is read as several containers.
        folder: the folder in the archive that holds the images, where an archive is read as several containers.
        span: where that folder's images lie in the archive.
        part: which images to read, as (k, n): those at the positions k, k + n, k + 2n, …; (0, 1) is all of them.
            The source yields the others too, and may leave out their data if that is cheaper.
        instructions: what else decides how the source reads these files, as a text of its own: if it changes, they are
            read again.
    """

    source: str
    name: str
    path: Path
    members: tuple[str, ...] = ()
    folder: str = ""
    span: Span | None = None
    part: tuple[int, int] = (0, 1)
    instructions: str = ""

    @property
    def label(self) -> str:
        """What records and messages call it, such as ``eol/image_set_01``."""
        return f"{self.source}/{self.name}"

    def includes(self, position: int) -> bool:
        """Whether the image at ``position`` belongs to ``part``."""
        number, count = self.part
        return position % count == number


class Source(Protocol):
    """Where images come from. Instances are made from a table in dataset.toml, and can be pickled.

    Attributes:
        Settings: a model of the keys of that table; ``kind`` is not among them.
        name: the name of the table in dataset.toml, and of the source's table in the mapping.
        columns: the columns of the source's table in the mapping, with their types, ``int`` or ``str``.
        key: the columns that make up the natural key, in the order in which an id is made from them.
        listed_as: how lists of images name an image, as a format string over ``columns``; such as a hold-out list.
            File name endings are ignored when a list is matched.
        name_key: the column that a label belongs to: one of ``columns``, or ``treeoflife_id`` where each image
            has a label of its own.
        catalog: the names of ``columns`` in the catalog, in the same order.
        given_id: the column of ``columns`` that is an image's id wherever it is a UUID, and alone the key: for sources
            whose images have ids already. Empty, unless set: ids are made from the natural keys.

    A source whose containers are plain folders inherits the reading of files:

    >>> from treeoflife.sources.containers.image_folders import FolderImages, image_files, subfolders
    >>> __name__ = "traps"  # as if this were a module of its own
    >>> class Traps(FolderImages):
    ...     class Settings(Model):
    ...         path: Path
    ...     columns = {"trap": str, "filename": str}
    ...     key = ("trap", "filename")
    ...     listed_as = "{trap}/{filename}"
    ...     name_key = "treeoflife_id"
    ...     catalog = ("trap", "trap_filename")
    ...     def __init__(self, name, settings):
    ...         self.name, self.path = name, settings.path
    ...     def containers(self):
    ...         return [Container(self.name, folder.name, folder) for folder in subfolders(self.path)]
    ...     def files(self, container):
    ...         return image_files(container.path)
    ...     def image(self, container, path):
    ...         return RawImage(path.name, (container.name, path.name))
    ...     def labels(self):
    ...         yield Label("trap-1/a.jpg", scientific_name="Apis mellifera")
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "trap-1").mkdir(); _ = (folder / "trap-1/a.jpg").write_bytes(b"...")
    >>> traps = Traps("traps", Traps.Settings(path=folder))
    >>> [image.key for container in traps.containers() for image in traps.read(container, 1000)]
    [('trap-1', 'a.jpg')]
    """

    Settings: ClassVar[type[Model]]
    name: str
    columns: ClassVar[dict[str, type[int] | type[str]]]
    key: ClassVar[tuple[str, ...]]
    listed_as: ClassVar[str]
    name_key: ClassVar[str]
    catalog: tuple[str, ...]
    given_id: str = ""

    def __init__(self, name: str, settings: Model) -> None:
        """Make the source that dataset.toml calls ``name``. Reads nothing yet."""

    def containers(self) -> list[Container]:
        """All containers, in a fixed order. This must be cheap: no archive is read to its end.

        Raises:
            InputError: the path in the settings does not exist, or holds no container.
        """

    def files(self, container: Container) -> list[Path]:
        """The files that make up a container, in a fixed order: the archive, or the images of the folder."""

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The container's images, in a fixed order, as a stream.

        A file longer than ``max_bytes`` has no data and a Skip (see :func:`too_long`), and so has one that cannot be
        an image.

        Raises:
            ContainerError: the container cannot be read to its end.
        """

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images in the same order without data, as cheaply as the container allows."""

    def label_files(self) -> list[Path]:
        """The tables that :meth:`labels` and :meth:`about` read: when one changes, they are read again. None, unless
        overridden."""
        return []

    def label_settings(self) -> dict[str, object]:
        """The settings that decide what :meth:`labels` and :meth:`about` read in :meth:`label_files`, such as the name
        of a column: when one changes, these are read again. None, unless overridden."""
        return {}

    def remarks(self) -> list[str]:
        """Sentences on what had to be guessed or repaired in these tables; a build shows them. None, unless overridden.

        Raises:
            InputError: as :meth:`containers` and :meth:`labels` do.
        """
        return []

    def labels(self) -> Iterator[Label]:
        """What the source says about names. The ``name_key`` of a label is a value of the column ``name_key``, as text;
        where that is ``treeoflife_id``, it is the natural key, :func:`.values.joined`. None, unless overridden.

        Raises:
            InputError: a table of the source is missing or malformed.
        """
        return iter(())

    def label_table(self, database: Database) -> bool:  # noqa: ARG002
        """Make the labels of single images known as the table ``image_label``: for sources of very many images, in
        place of :meth:`labels`.

        It has :attr:`columns`, the seven ranks, ``scientific_name`` and ``common_name``, and may have ``taxon_rank``,
        the rank of ``scientific_name``; all but the numbers among :attr:`columns` as texts, null or empty where nothing
        is known; a natural key at most once, in no order. The ``name_key`` of such a source is ``treeoflife_id``.

        Returns:
            False, unless overridden: there is no such table.

        Raises:
            InputError: a table of the source is missing or malformed.
        """
        return False

    def unlisted(self, database: Database) -> bool:  # noqa: ARG002
        """Make the images that containers still hold, and the source's tables do not, known as the table ``unlisted``.

        It has :attr:`columns`; a natural key at most once. They become no samples.

        Returns:
            False, unless overridden: there are none, and no such table.
        """
        return False

    def flags(self, database: Database) -> bool:  # noqa: ARG002
        """Make what is doubtful about images, by the source's own tables, known as the table ``flagged``.

        It has :attr:`columns`, ``flags`` (words of the provider, joined by ``;``, null or empty without any) and
        ``repeated`` (BIGINT: how many other rows describe the image differently); a natural key at most once.

        Returns:
            False, unless overridden: there is no such table.
        """
        return False

    def about(self, database: Database) -> bool:  # noqa: ARG002
        """Make what the source says about its images beside names known as the table ``about``.

        It has :attr:`columns`, and :data:`ABOUT_COLUMNS` as texts, null or empty where nothing is known; a natural key
        at most once, in no order. Images may be missing in it.

        Returns:
            False, unless overridden: the source says nothing, and there is no such table.

        Raises:
            InputError: a table of the source is missing or malformed.
        """
        return False


def signature(source: Source, container: Container) -> str:
    """A digest of the names, sizes, modification times and inodes of a container's files.

    As long as it stays the same, the files are taken to be unchanged, and nothing is read.
    """
    # Records on disk hold this digest: hashing anything else here would make every container stale.
    digest = hashlib.sha256(name_bytes("\0".join(container.members) or container.folder))
    if container.span:
        digest.update(repr(tuple(container.span)).encode())
    if container.instructions:
        digest.update(f"\0{container.instructions}".encode())
    folder = str(container.path.parent).rstrip("/") + "/"
    for path in source.files(container):
        digest.update(name_bytes(f"{str(path).removeprefix(folder)}\0{_stamp(path)}\0"))
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    try:
        return stamp(path)
    except OSError as error:
        if error.errno not in LEADS_NOWHERE:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
        return "a link to nothing"


def container_size(source: Source, container: Container) -> int:
    """The size of a container's files in bytes."""
    if container.span:
        return container.span.bytes
    return sum(path.stat().st_size for path in source.files(container) if path.is_file())


def check_image(source: Source, image: RawImage) -> None:
    """Check that tables can hold the name and the natural key of an image.

    Raises:
        ContainerError: the key does not fit the source's columns, is empty in part, or is not text that can be stored.
    """
    key, kinds = image.key, list(source.columns.values())
    fits = key is None or (
        [type(part) for part in key] == kinds
        and all(part != "" if isinstance(part, str) else -_INT64 <= part < _INT64 for part in key)
    )
    try:
        "".join([image.file, *(part for part in key or () if isinstance(part, str))]).encode()
    except UnicodeEncodeError:
        fits = False
    if not fits:
        columns = ", ".join(f"{name}: {kind.__name__}" for name, kind in source.columns.items())
        raise ContainerError(
            f"[sources.{source.name}] gives the file {image.file!r} the natural key {key!r:.200}, which the mapping "
            f"cannot hold: it has the columns {columns}, for numbers of 64 bits and texts in UTF-8 that are not empty"
        )


def too_long(size: int, max_bytes: int) -> Skip:
    """The reason for not reading a file of ``size`` bytes."""
    return Skip("too-many-bytes", f"{size} bytes; at most {max_bytes} are read")


def by_name(containers: Iterable[Container]) -> list[Container]:
    """The containers, ordered by name.

    Raises:
        InputError: two have the same name, on a file system that ignores case.
    """
    ordered = sorted(containers, key=lambda container: container.name)
    for one, other in pairwise(sorted(ordered, key=lambda container: container.name.lower())):
        if one.name.lower() == other.name.lower():
            raise InputError(f"two containers are called {one.name}: {_place(one)} and {_place(other)}; keep one")
    return ordered


def _place(container: Container) -> str:
    return f"{container.folder} in {container.path}" if container.folder else str(container.path)


@dataclass(frozen=True)
class Index:
    """The index of one container in the encoded store."""

    source: Source
    container: str
    path: Path
