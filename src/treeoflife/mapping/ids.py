"""The ids of images: UUIDs that depend on the source and the natural key alone, or that the source itself gives."""

import re
from collections.abc import Iterable
from uuid import UUID, uuid5

from ..core.database import column, quoted
from ..core.values import joined
from ..sources.base import Source
from .images import catalog_names
from .natural_keys import joined_sql

NAMESPACE = UUID("6f6b3f0e-2d53-5d6c-9c58-0d2e6a0f7a11")
"""The namespace of all ids that are made here."""

# RFC 9562, section 5.5: of the 32 digits, the 13th is the version, 5, and the first two bits of the 17th are 10.
_VARIANTS = {"89ab"[bits]: tuple("0123456789abcdef"[bits::4]) for bits in range(4)}
PLAIN_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
"""The UUIDs that samples are called by, as a regular expression."""
_WRITTEN_UUID = re.compile(r"(?:urn:uuid:)?\{?" + "-?".join(f"([0-9a-f]{{{n}}})" for n in (8, 4, 4, 4, 12)) + r"\}?")


def treeoflife_id(source: str, key: Iterable[int | str]) -> str:
    """The id of an image: the UUIDv5 (RFC 9562) of its source, a slash, and its :func:`.values.joined` natural key.

    >>> treeoflife_id("eol", (9000024, 7000521))
    'aa6c849d-cac5-5632-8e5d-8cb825004fce'
    """
    return str(uuid5(NAMESPACE, f"{source}/{joined(key)}"))


def id_sql(source: Source) -> str:
    """SQL for the id of a row that has the source's columns as the catalog calls them.

    It is the one that the source gives, if that is a UUID, otherwise the :func:`treeoflife_id`.
    """
    if not source.given_id:
        return _made_id_sql(source)
    given = column(catalog_names(source)[source.given_id])
    return f"coalesce(try_cast({given} AS UUID)::VARCHAR, {_made_id_sql(source)})"


def _made_id_sql(source: Source) -> str:
    catalog = catalog_names(source)
    text = joined_sql({catalog[name]: source.columns[name] for name in source.key})
    digest = f"sha1(unhex('{NAMESPACE.hex}') || encode({quoted(source.name + '/')} || {text}))"
    # A UUIDv5 is the beginning of the SHA-1 of namespace and name, with the bits of version and variant set. The digit
    # with the variant keeps its last two bits. Cutting the text apart takes half the time of setting bits in numbers.
    variant = f"substr({digest}, 17, 1)"
    variants = " ".join(f"WHEN {variant} IN {of} THEN '{digit}'" for digit, of in _VARIANTS.items())
    return f"""concat(
        left({digest}, 8), '-', substr({digest}, 9, 4), '-5', substr({digest}, 14, 3), '-',
        CASE {variants} END, substr({digest}, 18, 3), '-', substr({digest}, 21, 12)
    )"""


def plain_id(column: str) -> str:
    """SQL for an id as samples are called by it: the :func:`id_key` of a UUID; any other text as it is."""
    written, parts = rf"\s*{_WRITTEN_UUID.pattern}\s*", "-".join(rf"\{number}" for number in range(1, 6))
    return f"""CASE
        WHEN regexp_full_match({column}, '{PLAIN_UUID}') THEN {column}
        WHEN regexp_full_match(lower({column}), '{written}')
        THEN regexp_replace(lower({column}), '^{written}$', '{parts}')
        ELSE {column}
    END"""


def id_key(text: str) -> str:
    """The form in which ids that people write are compared: a UUID in small letters; any other text in small letters.

    >>> id_key("{0B5C4C1E-8C2A-4F6E-9D1B-3A7E5F60718A}")
    '0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a'
    """
    small = text.strip().lower()
    uuid = _WRITTEN_UUID.fullmatch(small)
    return "-".join(uuid.groups()) if uuid else small


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID, as people write it."""
    return _WRITTEN_UUID.fullmatch(text.strip().lower()) is not None
