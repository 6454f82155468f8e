"""Which columns of a table identify images, and by what kind of id.

==================  ===================================================================================================
kind                what a column of it holds
==================  ===================================================================================================
``treeoflife_id``   the UUID of an image in a dataset, such as TreeOfLife-10M or TreeOfLife-200M
``url``             the address of a picture, or of its page
``photo_id``        the number of a photograph of iNaturalist
``observation_id``  an observation, specimen or other event of which there may be several images
``gbif_id``         the number of an occurrence at GBIF
``source_id``       what the source calls the image: ``<content id>_<page id>`` at EOL, the name of a file elsewhere
``any``             one of these, and the column does not say which
==================  ===================================================================================================
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from ...errors import InputError
from ..spellings import ABOUT, Spellings, plain_header
from .listed_columns import ADDRESSES, find_column, shown

IdKind = Literal["treeoflife_id", "url", "photo_id", "gbif_id", "observation_id", "source_id", "any"]
KINDS: tuple[IdKind, ...] = get_args(IdKind)

# What images of ABOUT's observations share, and no id of one: groups of a table's own, and numbers of a museum's.
_NO_OBSERVATIONS = {"group", "gbifid", "catalognumber", "processid", "sequence"}
_SPELLINGS: dict[IdKind, Spellings] = {
    "treeoflife_id": (("treeoflifeid",), ("evobio10mid",), ("uuid",)),
    "gbif_id": (("gbifid",), ("gbifoccurrenceid", "gbifoccurrencekey", "occurrencekey")),
    "photo_id": (("photoid", "photouuid"), ("inaturalistphotoid", "inatphotoid")),
    "observation_id": (
        *(alike for alike in ABOUT["observation"] if alike[0] not in _NO_OBSERVATIONS),
        ("inaturalistobservationid", "inatobservationid"),
    ),
    "source_id": ABOUT["source_id"],
    "url": (*ADDRESSES, *ABOUT["source_url"]),
    "any": (
        ("id", "key", "imageid", "pictureid", "mediaid", "uniqueid"),
        ("file", "filename", "filepath", "path", "imagefile", "imagename", "photofile"),
        ("processid", "sampleid", "catalognumber"),
    ),
}
_KIND_OF: dict[str, IdKind] = {
    header: kind for kind, spellings in reversed(_SPELLINGS.items()) for alike in spellings for header in alike
}
# Catalogs put the name of a source before its columns: birds_photo_id, birds_image_url.
_ENDINGS: dict[str, IdKind] = {"photoid": "photo_id", "gbifid": "gbif_id", "imageurl": "url", "identifier": "url"}


def kind_of(header: str) -> IdKind | None:
    """The kind of ids in a column; None if it identifies no images.

    >>> [kind_of(header) for header in ("gbifID", "image_url", "Observation UUID", "birds_photo_id", "genus")]
    ['gbif_id', 'url', 'observation_id', 'photo_id', None]
    """
    plain = plain_header(header)
    return _KIND_OF.get(plain) or next((kind for ending, kind in _ENDINGS.items() if plain.endswith(ending)), None)


def id_columns(path: Path, columns: Sequence[str], named: Mapping[str, IdKind]) -> dict[str, IdKind]:
    """The columns that identify images, each with its kind. A table of one column has ids of any kind in it.

    Args:
        path: the table, for messages.
        columns: its columns.
        named: columns that the user names, each with its kind; then no others are taken.

    Raises:
        InputError: a named column is not there, or none identifies images.
    """
    if named:
        return {find_column(path, columns, name, "which --column names"): kind for name, kind in named.items()}
    found = {name: kind for name in columns if (kind := kind_of(name))}
    for name in columns:  # the catalog of a source from GBIF has its name before _id and _identifier
        own = name.removesuffix("_identifier")
        if own != name and f"{own}_id" in columns:
            found[f"{own}_id"] = "gbif_id"
    if found or len(columns) == 1:
        return found or {columns[0]: "any"}
    raise InputError(
        f"{path} has neither a column pdq nor one called sha256, nor one with ids or addresses of images; it has "
        f"{shown(columns)}: say which one to read, and what it holds, with --column KIND=COLUMN, where KIND is one of "
        f"{', '.join(KINDS)}"
    )


def parse_named(words: Sequence[str]) -> dict[str, IdKind]:
    """The columns that a user names, as ``kind=column``; a kind alone is that of a list without a header.

    Raises:
        InputError: a kind is unknown.

    >>> parse_named(["gbif_id=occurrence", "photo_id"])
    {'occurrence': 'gbif_id', '': 'photo_id'}
    """
    named: dict[str, IdKind] = {}
    for word in words:
        kind, _, name = word.partition("=")
        known = next((one for one in KINDS if one == kind.strip().lower()), None)
        if known is None:
            raise InputError(
                f"--column {word}: {kind!r} is no kind of id; it is KIND=COLUMN, or KIND alone for a list without a "
                f"header, where KIND is one of {', '.join(KINDS)}"
            )
        named[name.strip()] = known
    return named
