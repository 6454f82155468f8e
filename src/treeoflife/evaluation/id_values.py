"""Ids of images as people and programs write them, in one form for comparing, in SQL."""

from ..core.database import quoted
from ..mapping.ids import plain_id
from ..sources.file_names import IMAGE_SUFFIXES
from ..sources.lists.same_address import address_ids, is_address

_SUFFIX = f"(?i)\\.({'|'.join(sorted(one.removeprefix('.') for one in IMAGE_SUFFIXES))})$"
_IS_FILE = f"regexp_matches(text, {quoted(_SUFFIX)})"
# EOL's images are <content id>_<page id>; benchmarks that were made from them call them <content id>_<page id>_eol….
_OF_EOL = "^([0-9]+_[0-9]+)_eol.*$"
# Patterns are for the few ids that need them: there may be ten million.
_PLAIN = f"""
    CASE
        WHEN try_cast(text AS UBIGINT)::VARCHAR = ltrim(text, '0') THEN ltrim(text, '0')
        WHEN strlen(text) = 36 AND try_cast(text AS UUID) IS NOT NULL THEN try_cast(text AS UUID)::VARCHAR
        WHEN contains(text, '_eol') THEN regexp_replace(text, '{_OF_EOL}', '\\1')
        WHEN regexp_full_match(text, '[0-9]+\\.0+') THEN regexp_replace(text, '\\.0+$', '')
        WHEN contains(text, '.') THEN regexp_replace(text, {quoted(_SUFFIX)}, '')
        WHEN strlen(text) >= 32 THEN {plain_id("text")}
        ELSE text
    END
"""


def values(rows: str, kept: str) -> str:
    """SQL for ids in the form in which they are compared: the columns ``kept``, ``kind`` and ``value``.

    Addresses are compared as :mod:`..sources.lists.same_address` says, UUIDs however they are written, numbers without
    ``.0`` and zeros before them, and all else without the ending of an image file.

    Args:
        rows: SQL for rows with the columns ``kind`` and ``text``, which may be null or empty.
        kept: their other columns, with commas.
    """
    stated = f"SELECT {kept}, kind AS stated, trim(text) AS text FROM ({rows}) WHERE text <> ''"
    addresses = address_ids(f"FROM ({stated}) WHERE {is_address('text')}", kept)
    return f"""
        SELECT {kept}, kind, value FROM ({addresses})
        UNION ALL
        SELECT {kept}, if(stated = 'url' OR stated = 'any' AND value <> text AND {_IS_FILE}, 'source_id', stated)
            AS kind, value
        FROM (SELECT *, {_PLAIN} AS value FROM ({stated}))
        WHERE NOT {is_address("text")}
    """
