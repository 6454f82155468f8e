"""Decide for every image of the mapping, over all sources, whether it is a sample, and if not, why.

The tables of a database take each other's place: nothing here holds rows. What a step makes is in its docstring.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database, column, columns, quoted
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..images.store import STORED_COLUMNS
from ..mapping.images import catalog_names, catalog_types, source_order
from ..mapping.stored_files import open_files
from ..sources.base import MAX_FILES, Index, Source
from ..taxonomy.species_key import column_keys
from . import quality
from .holdout import HoldoutList, find_held_out
from .match import match_files
from .rules import RULES, WITHDRAWN_DETAIL, Rule, compare_images, first_rule, in_order

_NAMES = columns(NAME_COLUMNS)
_GROUP = {"source": pl.String, "container": pl.String, "position": pl.UInt32, "group": pl.UInt32}


def decide(
    database: Database,
    sources: Sequence[Source],
    indexes: Sequence[Index],
    names: Path,
    lists: Sequence[HoldoutList] = (),
    groups: Path | None = None,
    further: Sequence[Rule] = (),
) -> Sequence[Rule]:
    """Decide on every image of a mapping.

    in:  image, withdrawn_image, mark, unlicensed
    out: file, chosen, unused        see :mod:`.match`
         name         name, ranks and common name, species_key, taxon (the number of the species, or null), and how
                      good the name is: rank_count, has_common
         fact         a row per image: the columns of image but name_key; its file_row, is_bad, the columns of its place
                      in the store and quality (see :mod:`.quality`), null without a file; name, null without one;
                      group, null for most; and rule: the first rule that excludes it by itself, or null
         excluded     image_row, rule, cause: the images that are excluded by a comparison with others
         candidate    the images that are left: the columns of fact, taxon, and place and preference within the group
         decision     the columns of fact with the rule that excludes the image, by itself or not, and its cause

    Args:
        indexes: the encoded store's index of every container, in order.
        names: the table of names of all sources.
        groups: the groups of duplicates (:data:`.duplicates.groups.COLUMNS`).
        further: rules to apply after :data:`.rules.RULES`.

    Returns:
        All rules, in the order of their numbers.
    """
    open_files(
        database, sources, indexes, [*STORED_COLUMNS, "file", "reason", "detail", f"{quality.bits()} AS quality"]
    )
    match_files(database, sources)
    number_names(database, names)
    find_held_out(database, lists, sources)
    _find_unlisted(database, sources)
    _open_groups(database, groups)
    rules = in_order((*RULES, *further))
    _collect_facts(database, sources, rules)
    _rank_groups(database, sources)
    database.run("CREATE OR REPLACE TABLE excluded (image_row BIGINT, rule UTINYINT, cause BIGINT)")
    database.run("""
        CREATE OR REPLACE VIEW candidate AS
        SELECT fact.*, taxon, place, preference
        FROM fact
        ANTI JOIN excluded USING (image_row)
        LEFT JOIN name USING (name)
        LEFT JOIN ranked USING (image_row)
        WHERE rule IS NULL
    """)
    compare_images(database, rules)
    database.run("""
        CREATE OR REPLACE VIEW decision AS
        SELECT fact.* EXCLUDE (rule), coalesce(excluded.rule, fact.rule) AS rule, cause
        FROM fact
        LEFT JOIN excluded USING (image_row)
    """)
    return rules


def number_names(database: Database, names: Path) -> None:
    """Number the distinct names, and those that marks give.

    in:  mark
    out: name      see :func:`decide`
         named     source, name_key, name: the name of each key that has one
         renamed   treeoflife_id, name: the name that a mark gives an image
    """
    database.view("names", [names])
    texts = ", ".join(f"coalesce({column(name)}, '') AS {column(name)}" for name in NAME_COLUMNS)
    database.make("distinct_name", f"""
        SELECT row_number() OVER (ORDER BY {_NAMES}) - 1 AS name,
            dense_rank() OVER (ORDER BY {columns(RANKS)}) AS taxon, {_NAMES}
        FROM (
            SELECT {texts} FROM names
            UNION
            SELECT {texts} FROM mark WHERE kingdom IS NOT NULL
        )
        WHERE {" OR ".join(f"{column(rank)} <> ''" for rank in RANKS)}
    """)  # fmt: skip
    equal = " AND ".join(
        f"{column(name, 'distinct_name')} = coalesce({column(name, 'given')}, '')" for name in NAME_COLUMNS
    )
    database.make("named", f"""
        SELECT source, name_key, min(distinct_name.name) AS name
        FROM names AS given
        JOIN distinct_name ON {equal}
        GROUP BY source, name_key
    """)  # fmt: skip
    database.make("renamed", f"""
        SELECT treeoflife_id, distinct_name.name
        FROM mark AS given
        JOIN distinct_name ON {equal}
        WHERE given.kingdom IS NOT NULL
    """)  # fmt: skip
    # Captions and keys of species are made once for each distinct name, of which there are far fewer than images.
    database.load("name", _describe_names(database.frame("FROM distinct_name ORDER BY name")))


def _describe_names(distinct: pl.DataFrame) -> pl.DataFrame:
    rows = distinct.select(pl.col("common") == "").to_series().arg_true()
    common = [Taxon(*ranks).common_or_scientific("") for ranks in distinct[rows].select(RANKS).iter_rows()]
    names = distinct.with_columns(distinct["common"].scatter(rows, common))
    scientific = pl.concat_str("genus", "species", separator=" ").str.strip_chars()
    is_species = (pl.col("genus") != "") & (pl.col("species") != "")
    return names.with_columns(
        column_keys(names).alias("species_key"),
        taxon=pl.when(is_species).then("taxon"),
        rank_count=pl.sum_horizontal(pl.col(rank) != "" for rank in RANKS).cast(pl.Int64),
        has_common=(pl.col("common") != "") & (pl.col("common") != scientific),
    )


def _open_groups(database: Database, groups: Path | None) -> None:
    """Find the group of each image that is in one.

    in:  container, chosen
    out: grouped   image_row, group
    """
    if groups:
        database.view("member", [groups])
    else:
        database.load("member", pl.DataFrame(schema=_GROUP))
    database.make("grouped", f"""
        SELECT image_row, "group"
        FROM chosen
        JOIN (
            SELECT container.number * {MAX_FILES} + position AS file_row, "group"
            FROM member
            JOIN container USING (source, container)
        ) USING (file_row)
    """)  # fmt: skip


def _find_unlisted(database: Database, sources: Sequence[Source]) -> None:
    """Find the images that their sources no longer list, though containers still hold them.

    in:  image
    out: no_longer   treeoflife_id, unlisted: true
    """
    database.run("CREATE OR REPLACE TABLE no_longer (treeoflife_id VARCHAR, unlisted BOOLEAN)")
    for source in sources:
        if source.unlisted(database):
            names = catalog_names(source)
            equal = " AND ".join(f"{column(names[one], 'image')} = {column(one, 'unlisted')}" for one in source.key)
            database.run(f"""
                INSERT INTO no_longer
                SELECT treeoflife_id, true
                FROM image
                JOIN unlisted ON {equal}
                WHERE image.source = {quoted(source.name)}
            """)  # fmt: skip


def _collect_facts(database: Database, sources: Sequence[Source], rules: Sequence[Rule]) -> None:
    """Make the table ``fact``: see :func:`decide`.

    What a join keeps in memory is to its right: little but the files of the images, with as few bytes each as possible.
    """
    database.make("fact", f"""
        SELECT * EXCLUDE (withdrawn, held_out, marked, unlicensed, unlisted), {first_rule(rules)} AS rule
        FROM (
            SELECT image_row, image.treeoflife_id, image.source, is_val, is_train_small,
                {columns(catalog_types(sources), "image")},
                stored.* EXCLUDE (image_row), coalesce(renamed.name, named.name) AS name, "group",
                withdrawn, held_out, marked, unlicensed, unlisted
            FROM image
            LEFT JOIN (
                SELECT image_row, file.file_row, is_bad, {columns(STORED_COLUMNS, "file")}, quality
                FROM file
                JOIN chosen USING (file_row)
            ) AS stored USING (image_row)
            LEFT JOIN named ON named.source = image.source AND named.name_key = image.name_key
            LEFT JOIN renamed ON renamed.treeoflife_id = image.treeoflife_id
            LEFT JOIN grouped USING (image_row)
            LEFT JOIN (SELECT image_row, held_out FROM held_out) USING (image_row)
            LEFT JOIN (SELECT image_row, {WITHDRAWN_DETAIL} AS withdrawn FROM withdrawn_image) USING (image_row)
            LEFT JOIN (SELECT treeoflife_id, marked FROM mark) AS mark ON mark.treeoflife_id = image.treeoflife_id
            LEFT JOIN unlicensed ON unlicensed.treeoflife_id = image.treeoflife_id
            LEFT JOIN no_longer ON no_longer.treeoflife_id = image.treeoflife_id
        )
    """)  # fmt: skip


def _rank_groups(database: Database, sources: Sequence[Source]) -> None:
    """Put the images of groups in order.

    in:  fact, name
    out: ranked   image_row, place (by source and natural key, among all that are in a group), and preference: of a
                  group, the image with the lowest is kept
    """
    order = f"{source_order(sources, 'fact.source')}, {columns(catalog_types(sources), 'fact')}, image_row"
    database.make("ranked", f"""
        SELECT image_row, row_number() OVER (ORDER BY {order}) AS place,
            -- Most ranks, then a common name other than the scientific one, then most pixels.
            row_number() OVER (
                ORDER BY coalesce(rank_count, 0) DESC, coalesce(has_common, false) DESC,
                    coalesce(width::BIGINT * height, 0) DESC, {order}
            ) AS preference
        FROM fact
        LEFT JOIN name USING (name)
        WHERE "group" IS NOT NULL
    """)  # fmt: skip
