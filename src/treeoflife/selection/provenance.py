"""Where images come from, who owns them, and what they have in common: what all sources say beside names.

about        of one source: its natural key and ABOUT_COLUMNS, as it says it      :meth:`.sources.base.Source.about`
told_N       treeoflife_id, source and ABOUT_COLUMNS of each image of the Nth source
licence      license_name, license_link, as sources have them; slug, link, as :func:`.licences.normalise` does
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database, column, columns, quoted
from ..core.values import NONE
from ..errors import InputError
from ..mapping.images import catalog_names, listed_name
from ..sources.base import ABOUT_COLUMNS, GROUP_COLUMNS, PROVENANCE_COLUMNS, Source
from ..sources.columns import is_of_eol
from . import eol_manifest
from .licences import normalise

STEP_VERSION = 2
COLUMNS = ("treeoflife_id", *PROVENANCE_COLUMNS)
"""The columns of provenance.parquet, those of TreeOfLife-200M's but for the name of the id."""
_STATED = ("license_name", "license_link")
_LICENCE_SCHEMA = pl.Schema(dict.fromkeys((*_STATED, "slug", "link"), pl.String))

_STATEMENTS = """
    SELECT DISTINCT coalesce(license_name, '') AS license_name, coalesce(license_link, '') AS license_link
    FROM told
    ORDER BY ALL
"""
# A text that no rule understands may come with the address of a licence of its own.
_PROVENANCE = f"""
    SELECT treeoflife_id, source_id, data_source, source_url, nullif(slug, '') AS license_name,
        coalesce(nullif(link, ''), nullif(told.license_link, '')) AS license_link,
        coalesce(copyright_owner, {quoted(NONE)}) AS copyright_owner, coalesce(title, {quoted(NONE)}) AS title
    FROM told
    LEFT JOIN licence ON licence.license_name = coalesce(told.license_name, '')
        AND licence.license_link = coalesce(told.license_link, '')
    ORDER BY treeoflife_id
"""
_FACTS = f"""
    SELECT treeoflife_id, source, {columns(GROUP_COLUMNS)}, licence, license_name
    FROM (
        SELECT told.* EXCLUDE (license_name, license_link), nullif(slug, '') AS license_name,
            CASE WHEN slug <> '' THEN coalesce(told.license_name, told.license_link) END AS licence
        FROM told
        LEFT JOIN licence ON licence.license_name = coalesce(told.license_name, '')
            AND licence.license_link = coalesce(told.license_link, '')
    )
    WHERE coalesce({columns(GROUP_COLUMNS)}, licence) IS NOT NULL
    ORDER BY treeoflife_id
"""


def write_provenance(
    database: Database, sources: Sequence[Source], manifest: Sequence[Path], provenance: Path, facts: Path
) -> tuple[int, int, int]:
    """Ask every source about its images, and write two tables, ordered by ``treeoflife_id``.

    in:  image

    Args:
        manifest: the files of EOL's media manifest, which says about EOL's images what their archives do not.
        provenance: the table for people, with a row per image of the mapping: :data:`COLUMNS`. Licences have their
            normalised names. What is not known is null, or ``not provided`` for owners and titles. ``source_id`` is
            then what lists call the image, and ``data_source`` the name of the source.
        facts: the table for later steps, with a row per image of which something is known: ``treeoflife_id``,
            ``source``, :data:`.GROUP_COLUMNS`, ``licence`` as the source has it, ``license_name`` as in provenance.

    Returns:
        The number of images, of those with a licence, and of those with an observation.

    Raises:
        InputError: a table of a source is missing or malformed, or a source says two things about one image.
    """
    for number, source in enumerate(sources):
        _ask(database, source, manifest, number)
    parts = " UNION ALL BY NAME ".join(f"FROM told_{number}" for number in range(len(sources)))
    database.run(f"CREATE OR REPLACE VIEW told AS {parts}")
    statements = database.pieces(_STATEMENTS)
    database.spool("licence", (_normalised(piece) for piece in statements), _LICENCE_SCHEMA)
    images = database.write(provenance, _PROVENANCE)
    database.write(facts, _FACTS)
    database.view("known", [facts])
    ((licensed, observed),) = database.rows("SELECT count(licence), count(observation) FROM known")
    return images, licensed, observed


def _ask(database: Database, source: Source, manifest: Sequence[Path], number: int) -> None:
    """Make the table ``told_N`` of a source."""
    says = source.about(database)
    if not says and manifest and is_of_eol(source):
        eol_manifest.tell_about_images(database, source, manifest)
        says = True
    own = f"(FROM image WHERE source = {quoted(source.name)}) AS own"
    if not says:
        told = f"SELECT treeoflife_id, source, {_values(source, set())} FROM {own}"
        database.run(f"CREATE OR REPLACE VIEW told_{number} AS {told}")
        return
    names = catalog_names(source)
    key = " AND ".join(f"about.{column(one)} = own.{column(names[one])}" for one in source.key)
    present = {name for name, *_ in database.rows("DESCRIBE about")}
    # The images are on the right, which is kept in memory: ids and keys are shorter than titles and addresses.
    database.sort(f"told_{number}", f"""
        SELECT own.treeoflife_id, own.source, {_values(source, present)}
        FROM about
        RIGHT JOIN {own} ON {key}
    """)  # fmt: skip
    _check_told_once(database, source, number, own)


def _check_told_once(database: Database, source: Source, number: int, own: str) -> None:
    """Check that a source says one thing about an image.

    Raises:
        InputError: it does not.
    """
    rows, images = database.rows(f"SELECT (SELECT count(*) FROM told_{number}), (SELECT count(*) FROM {own})")[0]
    if rows > images:
        repeated = f"SELECT treeoflife_id FROM told_{number} GROUP BY treeoflife_id HAVING count(*) > 1"
        image = database.value(f"SELECT min(treeoflife_id) FROM ({repeated})")
        raise InputError(f"[sources.{source.name}] says two things about the image {image}: keep one row of its tables")


def _values(source: Source, present: set[str]) -> str:
    """SQL for :data:`.ABOUT_COLUMNS`: what the source says without spaces around it, null where that is nothing."""
    defaults = {"source_id": listed_name(source, "own"), "data_source": quoted(source.name)}
    values = []
    for name in ABOUT_COLUMNS:
        known = f"nullif(trim({column(name, 'about')}::VARCHAR), '')" if name in present else "NULL::VARCHAR"
        values.append(f"coalesce({known}, {defaults.get(name, 'NULL')}) AS {column(name)}")
    return ", ".join(values)


def _normalised(statements: pl.DataFrame) -> pl.DataFrame:
    """The licence that each pair of a name and an address means."""
    found = [normalise(f"{name} {link}") for name, link in statements.select(_STATED).iter_rows()]
    return statements.with_columns(
        slug=pl.Series([one.slug for one in found], dtype=pl.String),
        link=pl.Series([one.link for one in found], dtype=pl.String),
    )
