"""Choosing the images of a hold-out set: species with enough distinct pictures, and as many of each, at random."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from ..core.database import Database, columns
from ..core.values import NAME_COLUMNS
from ..mapping.shuffle import shuffle_key
from ..sources.base import MAX_FILES
from ..taxonomy.species_key import species_key

ABSENT = "the dataset has no image of it"
_REJECTED = {"species": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Request:
    """What a hold-out set is to be.

    Attributes:
        species: the species that may be in it, as 'genus epithet' in lower case.
        not_in: sources in which a species must not occur.
    """

    species: tuple[str, ...]
    per_species: int
    not_in: tuple[str, ...] = ()
    seed: int = 17


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        images: a row per image, by species and id: ``treeoflife_id``; ``source``, ``container`` and ``position``, where
            its file is; the ranks and the common name.
        rejected: ``species`` and ``reason`` of those that are not in the set.
    """

    images: pl.DataFrame
    rejected: pl.DataFrame


def choose(database: Database, request: Request) -> Choice:
    """Choose the images.

    Only images that would be samples are taken. Of a group of duplicates at most one is taken, and none of a group that
    has other names too: its picture would stay in the dataset under those.

    in:  decision, name, container
    """
    wanted = {species_key(name): name for name in request.species}
    schema = {"species_key": pl.String, "requested": pl.String}
    database.load("request", pl.DataFrame(list(wanted.items()), schema=schema, orient="row"))
    database.make("requested_image", """
        SELECT decision.*, requested
        FROM decision
        JOIN name USING (name)
        JOIN request USING (species_key)
    """)  # fmt: skip
    elsewhere = dict(database.rows("""
        SELECT requested, string_agg(DISTINCT source, ', ' ORDER BY source)
        FROM requested_image
        WHERE list_contains($not_in, source)
        GROUP BY requested
    """, not_in=list(request.not_in)))  # fmt: skip
    _collect_distinct(database, request)
    counts = dict(database.rows("""
        SELECT requested, count(distinct_image.treeoflife_id)
        FROM (SELECT DISTINCT requested FROM requested_image)
        LEFT JOIN distinct_image USING (requested)
        GROUP BY requested
    """))  # fmt: skip
    chosen = [one for one, count in counts.items() if one not in elsewhere and count >= request.per_species]
    images = database.frame(f"""
        SELECT treeoflife_id, distinct_image.source, container, file_row % {MAX_FILES} AS position,
            {columns(NAME_COLUMNS)}
        FROM distinct_image
        JOIN name USING (name)
        JOIN container ON container.number = file_row // {MAX_FILES}
        WHERE turn <= $wanted AND list_contains($chosen, requested)
        ORDER BY requested, treeoflife_id
    """, wanted=request.per_species, chosen=chosen)  # fmt: skip
    reasons = _reasons(request, elsewhere, counts)
    left = sorted((one, reason) for one, reason in reasons.items() if one not in chosen)
    return Choice(images, pl.DataFrame(left, schema=_REJECTED, orient="row"))


def _reasons(request: Request, elsewhere: Mapping[str, str], counts: Mapping[str, int]) -> dict[str, str]:
    """Why each species is not in the set, if it is not.

    Args:
        elsewhere: the sources in which a species must not occur, and does.
        counts: the number of distinct images of each species that may be taken.
    """
    reasons = dict.fromkeys(request.species, ABSENT)
    reasons |= {one: f"it has {count} distinct images that may be taken" for one, count in counts.items()}
    return reasons | {one: f"it is in {sources}" for one, sources in elsewhere.items()}


def _collect_distinct(database: Database, request: Request) -> None:
    """Find the images that may be taken, one of each picture.

    in:  decision, name, requested_image
    out: distinct_image   the columns of requested_image, and turn: of a species, the images come in this order
    """
    order = f"{shuffle_key(request.seed, 'holdout')}, treeoflife_id"
    database.make("distinct_image", f"""
        WITH mixed AS (
            SELECT "group"
            FROM decision
            JOIN name USING (name)
            WHERE "group" IS NOT NULL
            GROUP BY "group"
            HAVING count(DISTINCT coalesce(species_key, '')) > 1
        ),
        free AS (
            SELECT *,
                row_number() OVER (PARTITION BY coalesce("group"::VARCHAR, treeoflife_id) ORDER BY {order}) AS repeat
            FROM requested_image
            WHERE rule IS NULL AND ("group" IS NULL OR "group" NOT IN (FROM mixed))
        )
        SELECT *, row_number() OVER (PARTITION BY requested ORDER BY {order}) AS turn
        FROM free
        WHERE repeat = 1
    """)  # fmt: skip
