"""Which names of a list the images of a dataset have: for claims about species that a model has not seen.

seen_name   a row per label of the list, in its order:

place       the line of a text, or the row of another table, that the label stands on
label       what it says
rank, name  the lowest rank that is known of it, and its accepted name there
status      ``seen``: images have this name, or one that means the same taxon; ``genus-seen``, ``family-seen``: they
            have its genus, or its family alone; ``unseen``; ``no-name``: the label names no taxon
images, train, val
            how many images have the taxon, genus or family that was seen
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from ..config.config import config_file
from ..core.database import Database, column, columns, quoted
from ..core.values import RANKS
from ..taxonomy.species_key import column_keys, species_keys
from .match_names import Labels, matching, names_for

COLUMNS = ("place", "label", "rank", "name", "status", "images", "train", "val")
STATUSES = ("seen", "genus-seen", "family-seen", "unseen", "no-name")

_SPECIES = "SELECT name, kingdom, family, images, train, val FROM taxon WHERE rank = 'species' ORDER BY rowid"
_HIGHER = """
    SELECT rank, lower(name) AS key, sum(images)::BIGINT AS images, sum(train)::BIGINT AS train, sum(val)::BIGINT AS val
    FROM taxon
    WHERE rank <> 'species'
    GROUP BY ALL
"""
_KEYED = """
    SELECT key, sum(images)::BIGINT AS images, sum(train)::BIGINT AS train, sum(val)::BIGINT AS val
    FROM (SELECT DISTINCT key, name, kingdom, family, images, train, val FROM {tables})
    WHERE key IS NOT NULL
    GROUP BY key
"""
# Taxa that other names mean are looked for in the families of species that are not found by their own names.
_CANDIDATES = """
    SELECT DISTINCT name AS scientific_name, kingdom
    FROM taxon
    WHERE rank = 'species' AND lower(family) IN (
        SELECT lower(family)
        FROM wanted
        WHERE species <> '' AND family <> '' AND coalesce(accepted_key, '') NOT IN (SELECT key FROM species_seen)
            AND coalesce(written_key, '') NOT IN (SELECT key FROM species_seen)
    )
    ORDER BY ALL
"""
_NAME = f"""
    CASE wanted.rank
        WHEN 'species' THEN concat_ws(' ', nullif(wanted.genus, ''), wanted.species)
        {" ".join(f"WHEN {quoted(rank)} THEN {column(rank, 'wanted')}" for rank in RANKS[:-1])}
        ELSE ''
    END
"""
_SEEN = f"""
    SELECT number, place, label, wanted.rank, {_NAME} AS name,
        CASE
            WHEN wanted.rank = '' THEN 'no-name'
            WHEN own.key IS NOT NULL OR written.key IS NOT NULL OR higher.key IS NOT NULL THEN 'seen'
            WHEN genus.key IS NOT NULL THEN 'genus-seen'
            WHEN family.key IS NOT NULL THEN 'family-seen'
            ELSE 'unseen'
        END AS status,
        {{counts}}
    FROM wanted
    LEFT JOIN species_seen AS own ON own.key = accepted_key
    LEFT JOIN species_seen AS written ON written.key = written_key AND wanted.rank = 'species'
    LEFT JOIN higher_seen AS higher ON higher.rank = wanted.rank AND higher.key = lower({_NAME})
    LEFT JOIN higher_seen AS genus ON genus.rank = 'genus' AND genus.key = lower(wanted.genus)
    LEFT JOIN higher_seen AS family ON family.rank = 'family' AND family.key = lower(wanted.family)
"""
_FOUND = ("own", "written", "higher", "genus", "family")


def find_seen_names(
    database: Database,
    labels: Labels,
    name_column: str,
    config: Path | None,
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, int]:
    """Make the names of a list known to a database as the table ``seen_name``; returns how many have each status.

    A name and its synonyms count as the same: the labels are named by the ``[names]`` of the dataset.

    in: taxon

    Args:
        labels, name_column: see :func:`.match_names.match_names`.
        config: the dataset.toml; None for the built-in taxonomy, and the one that was downloaded last.
        note: receives lines on what had to be guessed, repaired or left out.

    Raises:
        InputError: the list cannot be read, or has no column with names.
    """
    _match(database, "wanted_match", labels, name_column, config, note)
    database.make("wanted", "SELECT row_number() OVER (ORDER BY place) AS number, * FROM wanted_match")
    database.spool("species_key", _keyed_species(database))
    database.make("higher_seen", _HIGHER)
    database.make("species_seen", _KEYED.format(tables="species_key"))
    candidates = database.frame(_CANDIDATES)
    if candidates.height:
        _match(database, "meant", candidates, "", config, lambda _: None)
        database.run("""
            CREATE OR REPLACE VIEW species_meant AS
            SELECT accepted_key AS key, name, kingdom, family, images, train, val
            FROM (SELECT DISTINCT label, accepted_key FROM meant) AS meant
            JOIN (SELECT DISTINCT * EXCLUDE (key) FROM species_key) AS known ON known.name = meant.label
        """)
        both = "(SELECT * FROM species_key UNION ALL BY NAME SELECT * FROM species_meant)"
        database.make("species_seen", _KEYED.format(tables=both))
    counts = ", ".join(
        f"coalesce({', '.join(f'{one}.{name}' for one in _FOUND)}, 0)::BIGINT AS {name}" for name in COLUMNS[-3:]
    )
    database.make("seen_name", _SEEN.format(counts=counts))
    found = dict(database.rows("SELECT status, count(*) FROM seen_name GROUP BY status"))
    return {status: found.get(status, 0) for status in STATUSES}


def seen_names_in_order() -> str:
    """SQL for the names in the order of the list."""
    return f"SELECT {columns(COLUMNS)} FROM seen_name ORDER BY number"


def _match(
    database: Database, name: str, labels: Labels, name_column: str, config: Path | None, note: Callable[[str], None]
) -> None:
    """Make labels known with their lineages, and with keys of the species that they mean and that they write."""
    names, cache = names_for(config and config_file(config), [])

    def keyed() -> Iterator[pl.DataFrame]:
        with matching(labels, name_column, names, cache, note) as (matches, _):
            for piece in matches.pieces():
                keys = {"accepted_key": column_keys(piece), "written_key": species_keys(piece["label"])}
                yield piece.select("place", "label", "rank", *RANKS).with_columns(**keys)

    database.spool(name, keyed())


def _keyed_species(database: Database) -> Iterator[pl.DataFrame]:
    for piece in database.pieces(_SPECIES):
        yield piece.with_columns(key=species_keys(piece["name"]))
