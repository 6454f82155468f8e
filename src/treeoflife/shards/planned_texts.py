"""What samples say beside the ten texts, joined to the decisions of the plan.

further_column    treeoflife_id and the columns of tables        what the stage ``texts`` read
further_caption_N treeoflife_id, text                            the Nth table of captions, likewise
name_words        name and :data:`.templates.NAME_PLACEHOLDERS`  what templates know of a name
further_decision  what the plan takes of ``decision``, :attr:`.texts.FurtherTexts.planned`, and further_bytes, which
                  these take in a tar
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..config.captions import Caption
from ..core.database import Database, column, columns, quoted
from ..core.tar_writer import BLOCK
from ..core.values import NAME_COLUMNS
from ..images.store import STORED_COLUMNS
from ..mapping.images import catalog_types
from ..sources.base import Source
from .templates import NAME_PLACEHOLDERS, caption_sql, parse_template, placeholder_values
from .texts import FurtherTexts

_OF_DECISIONS = (
    "treeoflife_id", "source", "image_row", "file_row", *STORED_COLUMNS, "name", "is_val", "is_train_small", "rule",
)  # fmt: skip


def load_further_texts(
    database: Database,
    sources: Sequence[Source],
    further: FurtherTexts,
    captions: Mapping[str, Caption],
    values: Path,
    tables: Mapping[str, Path],
) -> None:
    """Make the decisions with the texts of samples beside the ten known as ``further_decision``.

    in:  decision, name

    Args:
        values: the values of the columns, by ``treeoflife_id``.
        tables: the captions of each caption that has a table.
    """
    joins, texts = [], []
    if further.columns:
        database.view("further_column", [values])
        joins.append("LEFT JOIN further_column USING (treeoflife_id)")
        texts += [column(name, "further_column") for name in further.columns]
    if any(captions[name].templates for name in further.captions):
        names = database.frame(f"SELECT name, {columns(NAME_COLUMNS)} FROM name ORDER BY name")
        database.load("name_words", names.select("name").hstack(placeholder_values(names)))
        joins.append("LEFT JOIN name_words USING (name)")
    for number, name in enumerate(further.captions):
        table = f"further_caption_{number}"
        if name in tables:
            database.view(table, [tables[name]])
            joins.append(f"LEFT JOIN {table} USING (treeoflife_id)")
        text = f"{table}.text" if name in tables else _template(name, captions[name], further)
        texts.append(f"{text} AS {column(f'{name}.txt')}")
    database.run(f"""
        CREATE OR REPLACE VIEW further_decision AS
        SELECT *, {_tar_bytes(further)} AS further_bytes
        FROM (
            SELECT {columns((*_OF_DECISIONS, *catalog_types(sources)), "decision")}, {", ".join(texts)}
            FROM decision
            {" ".join(joins)}
        )
    """)


def _template(name: str, caption: Caption, further: FurtherTexts) -> str:
    """SQL for a caption that is made from a template."""
    values = {one: column(one, "further_column") for one in further.columns}
    values |= {one: column(one, "name_words") for one in NAME_PLACEHOLDERS}
    return caption_sql([parse_template(name, one, values) for one in caption.templates], values)


def unplanned_captions(further: FurtherTexts, tables: Mapping[str, Path]) -> str:
    """SQL for the ids of tables of captions that are no sample: ``treeoflife_id``, ``kind``, ``detail``; empty if there
    is no such table.

    in:  sample, further_caption_N, image
    """
    return " UNION ALL ".join(
        f"""
        SELECT treeoflife_id, 'caption-of-no-sample' AS kind, []::VARCHAR[] AS others,
            {quoted(f"[captions.{name}] has a caption of it, and it is ")}
                || if(image.treeoflife_id IS NULL, 'no image of the dataset', 'left out') AS detail
        FROM further_caption_{number}
        ANTI JOIN sample USING (treeoflife_id)
        LEFT JOIN (SELECT treeoflife_id FROM image) AS image USING (treeoflife_id)
        """
        for number, name in enumerate(further.captions)
        if name in tables
    )


def _tar_bytes(further: FurtherTexts) -> str:
    """SQL for the bytes that :meth:`.FurtherTexts.members` take in a tar, over :attr:`.FurtherTexts.planned`."""
    plain = [f"{name}.txt" for name in further.captions] + (
        list(further.columns) if further.columns_as == "txt" else []
    )
    sizes = [f"if({column(one)} IS NULL, 0, {_in_blocks(f'strlen({column(one)})')})" for one in plain]
    if further.columns_as == "json" and further.columns:
        sizes.append(_in_blocks(_json_length(further.columns)))
    return " + ".join(sizes) or "0"


def _in_blocks(length: str) -> str:
    return f"{BLOCK} + ({length} + {BLOCK - 1}) // {BLOCK} * {BLOCK}"


def _json_length(names: Sequence[str]) -> str:
    """SQL for the bytes of the object: in a text, only quotation marks and backslashes are written with one more."""
    fixed = len(json.dumps(dict.fromkeys(names, ""), separators=(",", ":")))
    lengths = [
        f"if({one} IS NULL, 2, strlen({one}) + 2 * strlen({one}) - strlen(replace({one}, '\"', ''))"
        f" - strlen(replace({one}, '\\', '')))"
        for one in map(column, names)
    ]
    return f"({fixed} + {' + '.join(lengths)})"
