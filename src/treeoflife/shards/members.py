"""The members of a shard, grouped into samples as WebDataset groups them."""

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from ..core.tar_reader import Member, TarError, read_members
from ..errors import InputError
from ..sources.file_names import IMAGE_SUFFIXES, escape_invalid_utf8
from .captions import TEXTS

LONGEST_TEXT = 100_000
"""A limit for reading texts only: longer members, images above all, are skipped without being held in memory."""
LONGEST_MEMBER = 1 << 28
"""A limit for reading whole samples into memory; 256 MiB is far more than any image here has."""
CHECK_ADVICE = "'treeoflife check-shards' lists all that is wrong with it"
_HERE = re.compile(r"^(\./+)+")
_OWN_SPELLING = {suffix.lower(): suffix for suffix in TEXTS}


@lru_cache(maxsize=256)  # each reader of a sample asks again
def split_name(name: str) -> tuple[str, str]:
    """The key and the suffix of a member's name. WebDataset divides them at the first dot of the name of the file.

    Folders are a part of the key, but for the ``./`` that tar puts before all names. A name that begins with a dot has
    no key: the copies ``._0001.jpg`` that macOS adds belong to no sample.

    >>> split_name("0001.taxon.txt"), split_name("./0001.jpg"), split_name("v1.0/0001.jpg"), split_name("._0001.jpg")
    (('0001', 'taxon.txt'), ('0001', 'jpg'), ('v1.0/0001', 'jpg'), ('', '_0001.jpg'))
    """
    plain = escape_invalid_utf8(name)
    folders, slash, file = (_HERE.sub("", plain) if plain.startswith("./") else plain).rpartition("/")
    stem, _, suffix = file.partition(".")
    return (folders + slash + stem if stem else ""), suffix


def suffix_of(member: Member) -> str:
    """The suffix of a member's name."""
    return split_name(member.name)[1]


def group_samples(members: Iterable[Member]) -> Iterator[tuple[str, list[Member]]]:
    """The key of each sample, and its members: neighbours that have the same key.

    Folders, links, and files without a key or a suffix belong to no sample, and do not divide one.
    """
    files = (member for member in members if member.regular and all(split_name(member.name)))
    return ((key, list(group)) for key, group in groupby(files, lambda member: split_name(member.name)[0]))


def read_samples(shard: Path, max_bytes: int) -> Iterator[tuple[str, list[Member]]]:
    """The samples of a shard, as :func:`group_samples` gives them; members longer than ``max_bytes`` come without data.

    Raises:
        InputError: the shard is missing, damaged or incomplete, or has no sample.
    """
    empty = True
    try:
        with shard.open("rb") as file:
            for sample in group_samples(read_members(file, max_bytes)):
                empty = False
                yield sample
    except (OSError, TarError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{shard} cannot be read to its end: {reason}; {CHECK_ADVICE}") from None
    if empty:
        raise InputError(f"there is no sample in {shard}: none of its members is a file named <key>.<suffix>")


def read_distinct_samples(shard: Path, max_bytes: int) -> Iterator[tuple[str, list[Member]]]:
    """The same, for who takes each key for one image.

    Raises:
        InputError: as for :func:`read_samples`; or a key occurs twice, or has two images, or one text twice.
    """
    keys = set[str]()
    for key, members in read_samples(shard, max_bytes):
        if key in keys:
            raise InputError(f"{shard} has the sample {key} twice, or its members are not together; {CHECK_ADVICE}")
        keys.add(key)
        images = [member.name for member in images_of(members)]
        if len(images) > 1:
            names = " and ".join(images[:2])
            raise InputError(f"{shard} has two images for the sample {key}, {names}; {CHECK_ADVICE}")
        counts = Counter(suffix for suffix, _ in text_members(members))
        if twice := next((suffix for suffix, count in counts.items() if count > 1), None):
            raise InputError(f"{shard} has the text {twice} of the sample {key} twice; {CHECK_ADVICE}")
        yield key, members


def images_of(members: Iterable[Member]) -> list[Member]:
    """The images of a sample: its members with the suffix of an image file, in lower or upper case."""
    return [member for member in members if f".{suffix_of(member).lower()}" in IMAGE_SUFFIXES]


def find_image(members: Iterable[Member]) -> Member | None:
    """The first image of a sample."""
    return next(iter(images_of(members)), None)


def text_members(members: Iterable[Member]) -> Iterator[tuple[str, bytes]]:
    """The texts of a sample, by suffix, such as ``sci.txt``, which a shard may have in upper case.

    What editors add is no part of a text: a byte order mark at its start, line ends and spaces at its end.
    """
    for member in members:
        suffix = suffix_of(member)
        if f".{suffix}".lower().endswith(".txt"):
            yield _OWN_SPELLING.get(suffix.lower(), suffix), (member.data or b"").removeprefix(BOM_UTF8).rstrip()


def texts_of(members: Iterable[Member]) -> dict[str, str]:
    """The same as text, to be looked at. Bytes that are not UTF-8 are replaced: see :func:`has_invalid_text`."""
    return {suffix: data.decode(errors="replace") for suffix, data in text_members(members)}


def has_invalid_text(members: Iterable[Member]) -> bool:
    """Whether a text of a sample is not UTF-8."""
    try:
        for _, data in text_members(members):
            data.decode()
    except UnicodeDecodeError:
        return True
    return False


def read_texts(shard: Path, key: str, members: Iterable[Member], suffixes: Collection[str]) -> dict[str, str]:
    """Those texts of a sample that are among ``suffixes``, to be passed on.

    Raises:
        InputError: one of them is not UTF-8.
    """
    texts: dict[str, str] = {}
    for suffix, data in text_members(members):
        if suffix in suffixes:
            try:
                texts[suffix] = data.decode()
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{shard}: the text {key}.{suffix} is not UTF-8: byte {error.start} is {data[error.start]:#04x}; "
                    "write it as UTF-8. 'treeoflife check-shards' lists all such texts"
                ) from None
    return texts
