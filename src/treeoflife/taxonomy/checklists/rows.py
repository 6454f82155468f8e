"""What the readers of checklists have in common: the columns that they give, the status of a name, malformed rows."""

from collections.abc import Iterator

import polars as pl

from ..expressions import UPPER

ROWS = pl.Schema(
    dict.fromkeys(("id", "key", "parent", "accepted", "status", "name", "rank", "author", *UPPER), pl.String)
)
"""The columns of a checklist's rows, as its reader gives them: texts, empty where there is nothing.

id        the row's own id
key       what ``parent`` and ``accepted`` of other rows call it; empty if that is its id
parent    of an accepted taxon, its parent
accepted  of a synonym, its accepted name; a row that names itself is accepted
status    accepted or synonym; any other text is the reason why the row is not used, such as ``misapplied names``
name      with or without its author
rank, author    as they are written
kingdom … genus   the classification, where a row says it itself; what parents say counts more
"""

MALFORMED = "malformed"
"""Why a row is not used that cannot be told from its neighbours."""
_MISAPPLIED = "misapplied names, which stand for another taxon than their own"
_BARE = "names that stand for no taxon"
_SYNONYM = r"synonym|^(?:unaccepted|not accepted|invalid|unavailable|superseded.*|alternate representation)$"


def plain_status(status: pl.Expr) -> pl.Expr:
    """The status of a name as ROWS has it, from what checklists write; without any, it is accepted.

    The words are those of ChecklistBank, GBIF, WoRMS and ITIS.

    >>> written = pl.Series(["ACCEPTED", "heterotypic synonym", "unaccepted", "valid", ""])
    >>> pl.select(plain_status(pl.lit(written))).to_series().to_list()
    ['accepted', 'synonym', 'synonym', 'accepted', 'accepted']
    """
    word = status.str.to_lowercase().str.replace_all("_", " ")
    return (
        pl.when(word.str.contains("misapplied")).then(pl.lit(_MISAPPLIED))
        .when(word == "bare name").then(pl.lit(_BARE))
        .when(word.str.contains(_SYNONYM)).then(pl.lit("synonym"))
        .otherwise(pl.lit("accepted"))
    )  # fmt: skip


def as_rows(frame: pl.DataFrame, **columns: pl.Expr) -> pl.DataFrame:
    """A table of a checklist with the columns of ROWS.

    Malformed rows are not used, and rows without an id are called by their line.

    Args:
        frame: the columns ``file``, ``line`` and ``problem``, and any of ROWS.
        columns: further columns of ROWS, which count more than those of the frame; what is in neither is empty.
    """
    given = frame.with_columns(**columns)
    given = given.with_columns(pl.lit("").alias(name) for name in ROWS if name not in given.columns)
    nameless = pl.col("id") == ""
    return given.select(
        *(one for one in ROWS if one not in ("id", "status")),
        id=pl.when(nameless).then(pl.format("{}, line {}", "file", "line")).otherwise("id"),
        status=pl.when(pl.col("problem").is_null()).then("status").otherwise(pl.lit(MALFORMED)),
    ).select(ROWS.names())


def watched(frames: Iterator[pl.DataFrame], remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The same tables; ``remarks`` gets a sentence on the first malformed row of each file."""
    files = set[str]()
    for frame in frames:
        malformed = frame.filter(pl.col("problem").is_not_null()).select("file", "problem").unique("file", keep="first")
        for file, problem in malformed.sort("file").iter_rows():
            if file not in files:
                remarks.append(f"rows are malformed, the first: {problem}")
            files.add(file)
        yield frame
