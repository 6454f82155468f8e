"""When two addresses of pictures are the same, in SQL.

They are if they differ only in these:

1. The scheme: ``http``, ``https``, or none before ``//``.
2. Capitals in the name of the host; the ports 80 and 443.
3. A fragment, which begins with ``#``; the slash of an address that has no path.
4. Characters that are written as themselves or by their numbers, as a space and ``%20``.

Some addresses have an id in them and stand for it, whatever else they say:

- ``photo_id``: the addresses of a photograph of iNaturalist, in any size (``/photos/123/medium.jpg``) and at any of its
  hosts (static.inaturalist.org, inaturalist-open-data.s3.amazonaws.com), and the page of it
- ``observation_id``: the page of an observation of iNaturalist
- ``gbif_id``: the page of an occurrence at GBIF, and the copy of a picture that GBIF keeps
"""

_OCCURRENCE = r"'^(?:[^/]*\.)?gbif\.org/(?:.*/)?occurrence/([0-9]+)(?:[/?]|$)'"
_BUCKET = "'/inaturalist-open-data/'"
# Queries within each other, because DuckDB would work out a column anew wherever another is made of it. Patterns take
# longer than all else here, and are for the few addresses that need them.
_BARE = "SELECT {kept}, substr(text, strpos(text, '//') + 2) AS bare FROM ({rows})"
_HOST = (
    f"SELECT {{kept}}, bare, split_part(split_part(split_part(bare, '/', 1), '?', 1), '#', 1) AS host FROM ({_BARE})"
)
_PATH = f"""
    SELECT {{kept}},
        if(contains(host, ':'), regexp_replace(lower(host), ':(?:80|443)?$', ''), lower(host)) AS server,
        split_part(substr(bare, length(host) + 1), '#', 1) AS path
    FROM ({_HOST})
"""
_ADDRESS = f"""
    SELECT {{kept}}, server, if(contains(path, '%'), coalesce(try(url_decode(path)), path), path) AS path
    FROM ({_PATH})
"""
_OWN = f"""
    SELECT {{kept}},
        server || if(path = '/', '', path) AS address,
        CASE
            WHEN starts_with(server, 's3') AND starts_with(path, {_BUCKET}) THEN substr(path, length({_BUCKET}))
            WHEN contains(server, 'inaturalist') THEN path
        END AS own_path
    FROM ({_ADDRESS})
"""
_IDS = f"""
    SELECT {{kept}}, address,
        split_part(own_path, '/', 2) AS folder,
        split_part(split_part(split_part(own_path, '/', 3), '?', 1), '.', 1) AS own,
        if(contains(address, 'occurrence/'), regexp_extract(address, {_OCCURRENCE}, 1), '') AS occurrence
    FROM ({_OWN})
"""
_KINDS = f"""
    SELECT *,
        CASE
            WHEN folder = 'photos' AND try_cast(own AS UBIGINT) IS NOT NULL THEN 'photo_id'
            WHEN folder = 'observations' AND (try_cast(own AS UBIGINT) IS NOT NULL OR try_cast(own AS UUID) IS NOT NULL)
                THEN 'observation_id'
            WHEN occurrence <> '' THEN 'gbif_id'
            ELSE 'url'
        END AS kind
    FROM ({_IDS})
"""


def is_address(text: str) -> str:
    """SQL for whether a text is an address."""
    return f"(contains({text}, '://') OR starts_with({text}, '//'))"


def address_ids(rows: str, kept: str) -> str:
    """SQL for the ids in addresses.

    Args:
        rows: SQL for rows with the column ``text``, an address each.
        kept: their other columns, with commas.

    Returns:
        A query with the columns ``kept``, ``kind`` and ``value``: the id in the address, or ``url`` and what addresses
        are compared by.
    """
    return f"""
        SELECT
            {kept},
            kind,
            CASE kind WHEN 'url' THEN '//' || address WHEN 'gbif_id' THEN occurrence ELSE lower(own) END AS value
        FROM ({_KINDS.format(kept=kept, rows=rows)})
    """
