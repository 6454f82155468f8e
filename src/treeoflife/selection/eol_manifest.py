"""EOL's media manifest: what it says about the images, and ``licences.csv``, which others know from TreeOfLife-10M.

eol_image       eol_content_id                 EOL's images
manifest_row    number, eol_content_id, …      the rows of the manifest that have a content id, numbered in their order
image_row       number, eol_content_id, …      those of EOL's images
manifest        eol_content_id, …              of each of these images at most one
about           content_id, page_id, …         what is said about these images

"…" are ``license_name``, further columns of the manifest, and what the name of a licence means: ``simple``, the name in
small letters; ``license_link``.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database, column, quoted
from ..core.text_tables import TextTable, read_text_pieces, simple_name
from ..core.values import NONE
from ..core.written_numbers import whole_numbers
from ..errors import InputError
from ..sources.base import Source

# The columns of the published licences.csv; md5 and title are not in the manifest and always read "not provided".
COLUMNS = (
    "treeoflife_id", "eol_content_id", "eol_page_id", "md5", "medium_source_url", "eol_full_size_copy_url",
    "license_name", "copyright_owner", "license_link", "title",
)  # fmt: skip
_MANIFEST = ("eol_content_id", "eol_page_id", "medium_source_url", "eol_full_size_copy_url",
             "license_name", "copyright_owner")  # fmt: skip
COLUMNS_OF_MANIFEST = _MANIFEST
"""The columns of the manifest, which has no header."""
_CONTENT_ID = "eol_content_id"
_MEANINGS = ("simple", "license_link")
_CREATIVE_COMMONS = "https://creativecommons.org"
# Public domain, which has no versions as the other licences have.
_LINKS = {
    "cc0": f"{_CREATIVE_COMMONS}/publicdomain/zero/1.0/",
    "pd": f"{_CREATIVE_COMMONS}/publicdomain/mark/1.0/",
}

_ROWS_OF_IMAGES = """
    SELECT manifest_row.*
    FROM manifest_row
    SEMI JOIN eol_image USING (eol_content_id)
"""
# The first image in the manifest that has two licences. Several rows, such as one for each page, are no mistake.
_TWO_LICENCES = """
    SELECT eol_content_id
    FROM image_row
    WHERE license_name <> ''
    GROUP BY eol_content_id
    HAVING min(simple) <> max(simple)
    ORDER BY min(number)
    LIMIT 1
"""
_LICENCES_OF_IMAGE = """
    SELECT arg_min(license_name, number)
    FROM image_row
    WHERE license_name <> '' AND eol_content_id = $image
    GROUP BY simple
    ORDER BY min(number)
    LIMIT 2
"""
# Of several rows of an image, the first that names a licence.
_ONE_ROW_EACH = """
    WITH chosen AS (
        SELECT coalesce(min(number) FILTER (license_name <> ''), min(number)) AS number
        FROM image_row
        GROUP BY eol_content_id
    )
    SELECT image_row.* EXCLUDE (number)
    FROM image_row
    SEMI JOIN chosen USING (number)
"""
# Columns of ABOUT_COLUMNS that the manifest lacks are left out.
_ABOUT = """
    SELECT DISTINCT eol_content_id AS content_id, eol_page_id AS page_id,
        eol_content_id || '_' || eol_page_id AS source_id,
        coalesce(nullif(medium_source_url, ''), eol_full_size_copy_url) AS source_url,
        license_name, copyright_owner
    FROM eol_image
    JOIN manifest USING (eol_content_id)
"""
# An image of train_small has two rows in the catalog.
_CATALOG_IMAGES = """
    SELECT treeoflife_id, min(eol_content_id::BIGINT) AS eol_content_id, min(eol_page_id::VARCHAR) AS eol_page_id
    FROM licensed_catalog
    WHERE eol_content_id IS NOT NULL
    GROUP BY treeoflife_id
"""
# The page is the catalog's, not the manifest's: the mapping says on which page an image is in the dataset.
_LICENCES = """
    WITH licensed AS (
        SELECT treeoflife_id, eol_content_id, eol_page_id, NULL AS md5, medium_source_url, eol_full_size_copy_url,
            license_name, copyright_owner, license_link, NULL AS title
        FROM eol_image
        LEFT JOIN manifest USING (eol_content_id)
    )
    SELECT coalesce(nullif(COLUMNS(*)::VARCHAR, ''), $none)
    FROM licensed
    ORDER BY treeoflife_id
"""


def tell_about_images(database: Database, source: Source, manifest: Sequence[Path]) -> None:
    """Make what the manifest says about EOL's images known as the table ``about``: see :meth:`.Source.about`.

    in:  image

    Raises:
        InputError: as :func:`read_manifest`.
    """
    database.make("eol_image", f"SELECT eol_content_id, eol_page_id FROM image WHERE source = {quoted(source.name)}")
    read_manifest(database, manifest, ("medium_source_url", "eol_full_size_copy_url", "copyright_owner"))
    database.make("about", _ABOUT)


def tell_columns(database: Database, source: Source, manifest: Sequence[Path], wanted: Mapping[str, str]) -> None:
    """Make columns of the manifest known as the table ``said``: see :meth:`.ColumnTables.column_values`.

    in:  image

    Raises:
        InputError: as :func:`read_manifest`.
    """
    database.make("eol_image", f"SELECT eol_content_id, eol_page_id FROM image WHERE source = {quoted(source.name)}")
    read_manifest(database, manifest, sorted({*wanted.values()} - {_CONTENT_ID, "license_name"}))
    values = ", ".join(f"manifest.{column(own)} AS {column(name)}" for name, own in wanted.items())
    database.make("said", f"""
        SELECT DISTINCT eol_image.eol_content_id AS content_id, eol_image.eol_page_id AS page_id, {values}
        FROM eol_image
        JOIN manifest ON manifest.eol_content_id = eol_image.eol_content_id
    """)  # fmt: skip


def write_licences(database: Database, path: Path, catalog: Path, manifest: Sequence[Path]) -> None:
    """Write ``licences.csv`` for EOL's images in a catalog.

    Raises:
        InputError: as :func:`read_manifest`.
    """
    database.view("licensed_catalog", [catalog])
    database.make("eol_image", _CATALOG_IMAGES)
    read_manifest(database, manifest, ("medium_source_url", "eol_full_size_copy_url", "copyright_owner"))
    database.write_csv(path, _LICENCES, none=NONE)


def read_manifest(database: Database, files: Sequence[Path], columns: Sequence[str] = ()) -> None:
    """Make the manifest's rows of EOL's images known as the table ``manifest``, each content id once.

    Args:
        database: has the table ``eol_image``: ``eol_content_id`` of each image, or null.
        columns: the columns of the manifest to read, beside the content id and the licence.

    Raises:
        InputError: a file is missing or malformed, has fewer than six columns, a content id is no whole number, or an
            image has two licences.
    """
    texts = ["license_name", *columns]
    schema = pl.Schema({"number": pl.Int64, _CONTENT_ID: pl.Int64} | dict.fromkeys([*texts, *_MEANINGS], pl.String))
    database.spool("manifest_row", _manifest_rows(files, texts), schema)
    database.make("image_row", _ROWS_OF_IMAGES)
    _check_licences(database, files)
    database.make("manifest", _ONE_ROW_EACH)


def _manifest_rows(files: Sequence[Path], texts: Sequence[str]) -> Iterator[pl.DataFrame]:
    number = 0
    for path in files:
        first = number
        for table in read_text_pieces(path, {_CONTENT_ID, *texts}, delimiter=",", columns=_MANIFEST):
            ids = _content_ids(path, table, is_first=number == first)
            numbers = pl.int_range(number, number + table.rows.height, dtype=pl.Int64).alias("number")
            rows = table.rows.select(numbers, ids, *texts, *_meanings())
            yield rows.drop_nulls(_CONTENT_ID)
            number += rows.height


def _content_ids(path: Path, table: TextTable, *, is_first: bool) -> pl.Series:
    """The content id of each row of a part of a file, null where there is none."""
    values = table.rows[_CONTENT_ID]
    ids = whole_numbers(values).cast(pl.Int64, strict=False)
    for row in (ids.is_null() & (values != "")).arg_true().to_list():
        # Only the first file of a manifest has a header, which is a row here.
        if row or not is_first or simple_name(values[row]) != "eolcontentid":
            raise InputError(f"the manifest {path}, line {table.lines[row]}: {values[row]!r:.80} is no content id")
    return ids


def _check_licences(database: Database, files: Sequence[Path]) -> None:
    """Check that no image has two licences: it may have several rows, such as one for each of its pages."""
    for (image,) in database.rows(_TWO_LICENCES):
        names = " and ".join(name for (name,) in database.rows(_LICENCES_OF_IMAGE, image=image))
        raise InputError(
            f"the manifest ({', '.join(map(str, files))}) gives the image {image} two licences, {names}: keep the row "
            "that is right"
        )


def _meanings() -> list[pl.Expr]:
    name = pl.col("license_name")
    return [_simple_licence(name).alias("simple"), _link()]


def _simple_licence(name: pl.Expr) -> pl.Expr:
    return name.fill_null("").str.to_lowercase().str.strip_chars()


def _licence_family(name: pl.Expr) -> pl.Expr:
    """A licence without its version: cc-by for cc-by-4.0."""
    return _simple_licence(name).str.replace(r"-\d+(\.\d+)*$", "")


def _link() -> pl.Expr:
    """``license_link``: the address of a Creative Commons licence; version 4.0 if the manifest names none."""
    family = _licence_family(pl.col("license_name"))
    version = pl.col("license_name").str.extract(r"(\d+\.\d+)$").fill_null("4.0")
    address = pl.format(_CREATIVE_COMMONS + "/licenses/{}/{}/", family.str.strip_prefix("cc-"), version)
    creative_commons = pl.when(family.str.starts_with("cc-")).then(address)
    return family.replace_strict(_LINKS, default=creative_commons, return_dtype=pl.String).alias("license_link")
