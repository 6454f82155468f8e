"""Match the files of the encoded store to the images of the mapping."""

from collections.abc import Sequence

from ..core.database import Database, column, quoted
from ..mapping.images import catalog_names
from ..sources.base import Source

# Added to the number of a bad file, so that the lowest number is the first good file, or else the first bad one.
_BAD = 1 << 62


def match_files(database: Database, sources: Sequence[Source]) -> None:
    """Choose a file for each image: a good one before a bad one, then the first.

    in:  file, image
    out: match      see :func:`pair_files`
         chosen     image_row, file_row       the file that is used for an image
         unused     file_row, chosen_row      the files that are used for no image, and the one used for theirs, or null
    """
    pair_files(database, sources)
    database.make("chosen", f"""
        SELECT image_row, min(file_row + CASE WHEN is_bad THEN {_BAD} ELSE 0 END) & {_BAD - 1} AS file_row
        FROM match
        GROUP BY image_row
    """)  # fmt: skip
    database.make("unused", """
        WITH other AS MATERIALIZED (
            SELECT file_row FROM file ANTI JOIN chosen USING (file_row)
        ),
        replaced AS MATERIALIZED (
            SELECT file_row, image_row FROM match SEMI JOIN other USING (file_row)
        ),
        instead AS MATERIALIZED (
            SELECT replaced.file_row, min(chosen.file_row) AS chosen_row
            FROM chosen
            JOIN replaced USING (image_row)
            GROUP BY replaced.file_row
        )
        SELECT file_row, chosen_row
        FROM other
        LEFT JOIN instead USING (file_row)
    """)  # fmt: skip


def pair_files(database: Database, sources: Sequence[Source]) -> None:
    """Find the image of each file: by the id that is its name, or else by its natural key.

    in:  file, image
    out: match      file_row, is_bad, image_row       every pair of a file and its image
    """
    parts = [_by_key(source) for source in sources]
    if database.value("SELECT count(treeoflife_id) FROM file"):
        # An id of another source does not make a file of this source an image of that one.
        parts.append("SELECT file_row, is_bad, image_row FROM image JOIN file USING (source, treeoflife_id)")
    database.make("match", " UNION ALL ".join(parts))


def _by_key(source: Source) -> str:
    names, name = catalog_names(source), quoted(source.name)
    equal = " AND ".join(f"{column(names[one], 'file')} = {column(names[one], 'image')}" for one in source.key)
    return f"""
        SELECT file_row, is_bad, image_row
        FROM image
        JOIN file ON {equal}
        WHERE file.source = {name} AND image.source = {name} AND file.treeoflife_id IS NULL
    """
