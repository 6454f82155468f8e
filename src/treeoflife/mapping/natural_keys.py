"""Natural keys as one text each, in SQL; :func:`.values.joined` makes the same text of a single key."""

from collections.abc import Mapping

from ..core.database import column


def joined_sql(columns: Mapping[str, type]) -> str:
    """An expression of SQL: the natural key of a row as the text that :func:`.values.joined` makes of it.

    It is null if a part is null.

    Args:
        columns: the columns that make the natural key, in this order, with their types, ``int`` or ``str``.

    >>> joined_sql({"content_id": int, "page_id": int})
    '"content_id"::VARCHAR || \\'/\\' || "page_id"::VARCHAR'
    """
    names = {name: column(name) for name in columns}
    by_slashes = " || '/' || ".join(name if columns[one] is str else f"{name}::VARCHAR" for one, name in names.items())
    *first, _ = [names[one] for one, kind in columns.items() if kind is str] or [""]
    if not first:
        return by_slashes
    # url_encode() leaves the same characters as they are as urllib.parse.quote() does: letters, digits, and -._~
    encoded = " || '&' || ".join(f"url_encode({name}::VARCHAR)" for name in names.values())
    has_slash = " OR ".join(f"contains({name}, '/')" for name in first)
    return f"CASE WHEN {has_slash} THEN {encoded} ELSE {by_slashes} END"
