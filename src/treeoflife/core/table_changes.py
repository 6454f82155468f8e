"""What differs between two tables that may be larger than the memory: a row for each value that changed.

Both sides of a comparison are tables of a database:

before, after               id (a text, once in each), other_id, the labels, and the columns that are compared
before_more, after_more     id, and further columns that are compared; an id may be missing
before_absent, after_absent id and reason: why a row is not there, where that is known; an id may be there several times

All values are texts, none of them null but ``other_id``. Rows are the same if they have the same ``id``; of those that
have no such partner, if they alone have the same ``other_id`` on either side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .database import Database, column, columns, quoted

ADDED, REMOVED = "added", "removed"
SIDES = ("before", "after")


@dataclass(frozen=True)
class Comparison:
    """What is compared of two tables.

    Attributes:
        labels: the columns that say which row one is; they are not compared unless they are among the others.
        kinds: the columns that are compared, by the kind of change that their change is.
        more: those of them that are in the tables ``before_more`` and ``after_more``.
        state: the column whose value is shown of a row that is on one side alone.
    """

    labels: Sequence[str]
    kinds: Mapping[str, Sequence[str]]
    state: str
    more: Sequence[str] = ()

    @property
    def compared(self) -> list[str]:
        """All columns that are compared."""
        return [name for names in self.kinds.values() for name in names]

    @property
    def own(self) -> list[str]:
        """Those of ``before`` and ``after`` themselves."""
        return [name for name in self.compared if name not in self.more]


@dataclass(frozen=True)
class Counts:
    """How many rows there are.

    Attributes:
        before, after: those of each side.
        both: the rows that are on both sides.
        changed: those of these that differ.
        kinds: the rows that differ in each way.
        details: for each kind, the rows by the column that changed, or by the former and the new value of the state.
    """

    before: int
    after: int
    both: int
    changed: int
    kinds: Mapping[str, int]
    details: Mapping[str, Mapping[str, int]]


def find_changes(database: Database, comparison: Comparison) -> None:
    """Make the table ``change``: labels, ``change``, ``column``, ``before``, ``after``, and ``number`` for the order.

    Of a row that was added, ``before`` is the reason why it was not there; of one that was removed, ``after`` is.
    """
    # Whole rows are compared only of the few that differ: digests of 128 bits say which these are.
    for side in SIDES:
        database.make(f"{side}_digest", _digests(comparison, side))
    for side, other in (SIDES, SIDES[::-1]):
        database.make(f"{side}_alone", f"SELECT id, other_id FROM {side} ANTI JOIN {other}_digest USING (id)")
    database.make("moved", f"""
        SELECT one.id AS before_id, other.id AS after_id
        FROM ({_only("before_alone")}) AS one
        JOIN ({_only("after_alone")}) AS other USING (other_id)
    """)  # fmt: skip
    database.make(
        "pair",
        """
        SELECT one.id AS before_id, other.id AS after_id
        FROM before_digest AS one
        JOIN after_digest AS other USING (id)
        WHERE one.content <> other.content OR one.more IS DISTINCT FROM other.more
        UNION ALL
        FROM moved
    """,
    )
    _join_pairs(database, comparison)
    parts = [
        _one_sided(comparison, 0, ADDED, "after"),
        _one_sided(comparison, 1, REMOVED, "before"),
        *_differences(comparison),
    ]
    database.sort("change", " UNION ALL ".join(parts))


def in_order(comparison: Comparison) -> str:
    """SQL for the changes, in the order of the labels."""
    shown = columns((*comparison.labels, "change", "column", "before", "after"))
    return f"SELECT {shown} FROM change ORDER BY {columns(comparison.labels)}, number"


def count_changes(database: Database, comparison: Comparison) -> Counts:
    """Count what :func:`find_changes` found."""
    sizes = {name: int(database.value(f"SELECT count(*) FROM {name}")) for name in ("before_digest", "after_digest")}
    added, removed = (
        int(database.value("SELECT count(*) FROM change WHERE change = $kind", kind=kind)) for kind in (ADDED, REMOVED)
    )
    kinds = {ADDED: added, REMOVED: removed} | _count_rows(database, comparison)
    return Counts(
        before=sizes["before_digest"],
        after=sizes["after_digest"],
        both=sizes["before_digest"] - removed,
        changed=int(database.value("SELECT count(*) FROM differing")),
        kinds={kind: count for kind, count in kinds.items() if count},
        details=_details(database, comparison),
    )


def _digests(comparison: Comparison, side: str) -> str:
    more = f"(SELECT id, {_digest(comparison.more)} AS more FROM {side}_more)"
    return f"""
        SELECT id, {_digest(comparison.own)} AS content, more
        FROM {side}
        {f"LEFT JOIN {more} USING (id)" if comparison.more else ", (SELECT NULL::HUGEINT AS more)"}
    """


def _digest(names: Sequence[str]) -> str:
    return f"md5_number(concat_ws(chr(0), {columns(names)}))"


def _only(table: str) -> str:
    """SQL for the rows that alone have their ``other_id``."""
    return f"SELECT min(id) AS id, other_id FROM {table} WHERE other_id <> '' GROUP BY other_id HAVING count(*) = 1"


def _join_pairs(database: Database, comparison: Comparison) -> None:
    """Make both rows of each pair known as one row of ``differing``, and of both sides the ids that are in none."""
    for side in SIDES:
        values = ", ".join(
            f"coalesce({column(name, f'{side}_more')}, '') AS {column(name)}" for name in comparison.more
        )
        more = f"LEFT JOIN (FROM {side}_more SEMI JOIN pair ON {side}_id = id) AS {side}_more USING (id)"
        own = columns(dict.fromkeys((*comparison.labels, *comparison.own)), side)
        database.make(f"{side}_pair", f"""
            SELECT before_id, {own}{f", {values}" if values else ""}
            FROM {side}
            JOIN pair ON {side}_id = {side}.id
            {more if comparison.more else ""}
        """)  # fmt: skip
    both = ", ".join(
        f"{column(name, f'{side}_pair')} AS {column(f'{side} {name}')}"
        for name in comparison.compared
        for side in SIDES
    )
    differ = " OR ".join(
        f"{column(name, 'before_pair')} <> {column(name, 'after_pair')}" for name in comparison.compared
    )
    # Two rows of one digest of what they are compared by are equal; what is not there is as good as an empty text.
    database.sort("differing", f"""
        SELECT {columns(comparison.labels, "after_pair")}, {both}
        FROM after_pair
        JOIN before_pair USING (before_id)
        WHERE {differ}
    """)  # fmt: skip
    for side in SIDES:
        database.make(f"{side}_alone", f"SELECT id FROM {side}_alone ANTI JOIN moved ON {side}_id = id")


def _one_sided(comparison: Comparison, number: int, kind: str, side: str) -> str:
    """SQL for the rows that are on one side alone."""
    other = "before" if side == "after" else "after"
    values = {side: column(comparison.state, side), other: "coalesce(reason, '')"}
    return f"""
        SELECT {columns(comparison.labels, side)}, {number} AS number, {quoted(kind)} AS change,
            {quoted(comparison.state)} AS "column", {values["before"]} AS before, {values["after"]} AS after
        FROM {side}
        SEMI JOIN {side}_alone USING (id)
        LEFT JOIN (
            SELECT id, min(reason) AS reason
            FROM {other}_absent
            SEMI JOIN {side}_alone USING (id)
            GROUP BY id
        ) AS absent USING (id)
    """


def _differences(comparison: Comparison) -> list[str]:
    """SQL for the values that differ, column by column."""
    kinds = [(kind, name) for kind, names in comparison.kinds.items() for name in names]
    return [
        f"""
        SELECT {columns(comparison.labels)}, {number}, {quoted(kind)}, {quoted(name)},
            {column(f"before {name}")}, {column(f"after {name}")}
        FROM differing
        WHERE {_differs(name)}
        """
        for number, (kind, name) in enumerate(kinds, 2)
    ]


def _differs(name: str) -> str:
    return f"{column(f'before {name}')} <> {column(f'after {name}')}"


def _count_rows(database: Database, comparison: Comparison) -> dict[str, int]:
    """The rows that differ in each way, once each."""
    counted = [f"count(*) FILTER ({' OR '.join(map(_differs, names))})" for names in comparison.kinds.values()]
    return dict(zip(comparison.kinds, database.rows(f"SELECT {', '.join(counted)} FROM differing")[0], strict=True))


def _details(database: Database, comparison: Comparison) -> dict[str, dict[str, int]]:
    """For each kind, how many rows changed in which column; of the state, from which value to which."""
    of_state = f'"column" = {quoted(comparison.state)}'
    arrow = "if(before = '', '-', before) || ' -> ' || if(after = '', '-', after)"
    few = database.value(f"SELECT count(DISTINCT {arrow}) <= 100 FROM change WHERE {of_state}")
    rows = database.rows(f"""
        SELECT change, {f'if({of_state}, {arrow}, "column")' if few else '"column"'} AS what, count(*) AS rows
        FROM change
        GROUP BY ALL
        ORDER BY min(number), rows DESC, what
    """)
    details = dict[str, dict[str, int]]()
    for change, what, count in rows:
        details.setdefault(change, {})[what] = count
    return details
