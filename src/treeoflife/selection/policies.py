"""Policies: rules that depend on the configuration."""

from collections.abc import Sequence

from ..core.database import quoted
from ..mapping.shuffle import shuffle_key
from . import quality
from .rules import Rule

_GROUPED = '"group" IS NOT NULL'


def duplicates(keep: str = "all", *, one_side: bool = False) -> list[Rule]:
    """Leave out some of the images that show the same picture.

    Args:
        keep: which images stay; see :class:`treeoflife.config.tables.Duplicates`.
        one_side: whether to leave out images of train that are in a group with an image of val.
    """
    rules, reason = [], "'duplicate'"
    if one_side:
        in_val = 'min_by(image_row, place) FILTER (WHERE is_val) OVER (PARTITION BY "group")'
        detail = "'the same picture as ' || cause_id || ', which is in val'"
        rules.append(Rule(f"NOT is_val AND {in_val} IS NOT NULL", reason, detail, _GROUPED, in_val))
    if keep != "all":
        within = '"group"' if keep == "best" else '"group", is_val'
        kept = f"first_value(image_row) OVER (PARTITION BY {within} ORDER BY preference)"
        detail = "'the same picture as ' || cause_id || ', which is kept'"
        rules.append(Rule(f"image_row <> {kept}", reason, detail, _GROUPED, kept))
    return rules


def cap(limit: int, seed: int) -> list[Rule]:
    """Keep at most ``limit`` images of a species in train, chosen by the seed; val is left as it is.

    Images without a species stay.
    """
    crowded = f"""NOT is_val AND taxon IN (
        SELECT taxon FROM candidate WHERE NOT is_val GROUP BY taxon HAVING count(*) > {limit}
    )"""
    order = f"{shuffle_key(seed, 'cap')}, treeoflife_id"
    beyond = f"row_number() OVER (PARTITION BY taxon ORDER BY {order}) > {limit}"
    detail = f"'the species has ' || cause || ' images in train, of which {limit} are kept'"
    return [Rule(beyond, "'over-cap'", detail, crowded, "count(*) OVER (PARTITION BY taxon)")]


def doubtful(drop: Sequence[str]) -> list[Rule]:
    """Leave out images with these kinds of :data:`treeoflife.selection.quality.LIMITS`."""
    return [Rule(quality.has(kind), "'quality'", quoted(f"{kind}: {quality.MEANING[kind]}")) for kind in drop]
