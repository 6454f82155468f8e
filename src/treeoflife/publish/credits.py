"""Credits: what the licences of images ask for, which is title, author, source, licence, and that images were changed.

credits.csv has them for each image, and credits.html for each owner and licence: a page of millions of images is of no
use, and CC BY lets those who share a work name a place where they are (section 3(a)(2) of its version 4.0).
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import polars as pl

from ..config.paths import Paths
from ..config.tables import Images
from ..core.database import Database
from ..core.files import exists, write_text
from ..core.tables import escaped_formula
from ..core.text import printable
from ..core.values import NONE
from ..core.versions import __version__

STEP_VERSION = 2
COLUMNS = ("treeoflife_id", "title", "copyright_owner", "license_name", "license_link", "source_url")
"""The columns of credits.csv; what is not known reads ``not provided``."""
_MOST_ROWS = 5_000
_FITS = {
    "stretch": "both sides resized to {} pixels, which changes the shape",
    "crop": "cut to their centre and resized to {} pixels",
    "pad": "resized to fit into {} pixels, with black around them",
}

_CREDIT = """
    SELECT treeoflife_id, title, copyright_owner, license_name, license_link, source_url
    FROM provenance
    SEMI JOIN credited USING (treeoflife_id)
    ORDER BY treeoflife_id
"""
_KNOWN = """
    SELECT count(*)
    FROM credit
    WHERE coalesce(license_name, license_link, source_url) IS NOT NULL OR copyright_owner <> $none OR title <> $none
"""
_LICENCES = """
    SELECT coalesce(license_name, $none) AS name, coalesce(license_link, '') AS link, count(*) AS images
    FROM credit
    GROUP BY ALL
    ORDER BY images DESC, name, link
    LIMIT $most
"""
_OWNERS = """
    SELECT copyright_owner, coalesce(license_name, $none) AS name, coalesce(license_link, '') AS link,
        count(*) AS images
    FROM credit
    GROUP BY ALL
    ORDER BY images DESC, copyright_owner, name, link
    LIMIT $most
"""
_COUNT_OWNERS = """
    SELECT count(*)
    FROM (SELECT DISTINCT copyright_owner, license_name, license_link FROM credit)
"""


def write_credits(database: Database, paths: Paths, images: Images) -> list[Path]:
    """Write credits.csv and credits.html for the images in the shards; returns their paths.

    Where nothing is known of any image, there are no such files.

    Args:
        images: how images are encoded, which the page says.
    """
    if not (exists(paths.catalog) and exists(paths.provenance)):
        return []
    database.view("credited", [paths.catalog])
    database.view("provenance", [paths.provenance])
    database.sort("credit", _CREDIT)
    if not database.value(_KNOWN, none=NONE):
        for path in (paths.credits, paths.credits_page):
            path.unlink(missing_ok=True)
        return []
    cells = ", ".join(f"coalesce({escaped_formula(name)}, $none) AS {name}" for name in COLUMNS)
    database.write_csv(paths.credits, f"SELECT {cells} FROM credit ORDER BY treeoflife_id", none=NONE)
    write_text(paths.credits_page, _page(database, images))
    return [paths.credits, paths.credits_page]


def may_have_credits(provenance: Path) -> bool:
    """Whether anything is known of the owner, licence or address of any image; cheaper than :func:`write_credits`."""
    known = [pl.col(name).is_not_null() for name in ("license_name", "license_link", "source_url")]
    known += [pl.col(name) != NONE for name in ("copyright_owner", "title")]
    rows = pl.scan_parquet(provenance, glob=False)
    return bool(rows.select(pl.any_horizontal(known).any()).collect(engine="streaming").item())


def describe_changes(images: Images) -> str:
    """A sentence on how the images in the shards differ from the originals.

    >>> describe_changes(Images(fit="crop"))
    'All images were changed: cut to their centre and resized to 224x224 pixels, and saved as JPEG.'
    """
    return f"All images were changed: {_FITS[images.fit].format(images.set_name)}, and saved as JPEG."


def _page(database: Database, images: Images) -> str:
    total, groups = database.value("SELECT count(*) FROM credit"), database.value(_COUNT_OWNERS)
    limits = {"none": NONE, "most": _MOST_ROWS}
    licences = [(_link(link, slug), f"{count:,}") for slug, link, count in database.rows(_LICENCES, **limits)]
    owners = [
        (_text(owner), _link(link, slug), f"{count:,}") for owner, slug, link, count in database.rows(_OWNERS, **limits)
    ]
    further = f"<p>{groups - len(owners):,} more are in credits.csv.</p>\n" if groups > len(owners) else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Credits</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body {{ font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
td, th {{ text-align: left; padding: 0 1em 0 0; vertical-align: top; overflow-wrap: anywhere }}
td:last-child, th:last-child {{ text-align: right; white-space: nowrap }}</style></head><body>
<h1>Credits</h1>
<p>{total:,} images, each under the licence of its owner as its source states it; not provided means that nobody
has said that an image may be used. {_text(describe_changes(images))}
The title, owner, licence and source of each image are in <a href="credits.csv">credits.csv</a>, by the id that the
image has in the shards.</p>
<h2>Licences</h2>
{_table(("licence", "images"), licences)}
<h2>Owners</h2>
{_table(("owner", "licence", "images"), owners)}
{further}<p>Built by treeoflife {__version__}.</p>
</body></html>
"""


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in header)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return "\n".join(["<table>", f"<tr>{head}</tr>", *(f"<tr>{line}</tr>" for line in lines), "</table>"])


def _text(value: str) -> str:
    """A text of others as HTML: escaped, cut, and with invisible characters written out."""
    return escape(printable(value[:300]))


def _link(address: str, text: str) -> str:
    """A link, if the address is one of the web: a text of others may be anything."""
    if not address.startswith(("https://", "http://")):
        return _text(text)
    return f'<a href="{escape(address)}">{_text(text)}</a>'
