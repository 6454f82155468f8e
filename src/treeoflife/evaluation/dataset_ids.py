"""Every id that is known of the images of a dataset: from their natural keys, and from what their sources say."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..core.database import Database, column, quoted
from ..mapping.images import catalog_names, listed_name
from ..sources.base import Source
from ..sources.lists.id_columns import kind_of
from ..sources.lists.listed import ListedImages
from .id_values import values

_PROVENANCE = """
    SELECT treeoflife_id,
        if(lower(data_source) = 'gbif' AND regexp_full_match(source_id, '[0-9]+'), 'gbif_id', 'source_id') AS kind,
        source_id AS text
    FROM stated
    UNION ALL
    SELECT treeoflife_id, 'url' AS kind, source_url AS text
    FROM stated
"""
_OWN = "SELECT treeoflife_id, 'treeoflife_id' AS kind, lower(treeoflife_id) AS value FROM image"
_OBSERVATIONS = "SELECT treeoflife_id, 'observation_id' AS kind, observation AS text FROM in_common"


def open_dataset_ids(database: Database, sources: Sequence[Source], provenance: Path, facts: Path) -> None:
    """Make every id of the images known to a database.

    in:  image
    out: known_id   treeoflife_id, kind, value     see :func:`.id_values.values`; a value may be there twice

    Args:
        provenance: what the sources say about their images; see :mod:`..selection.provenance`.
        facts: what images have in common.
    """
    database.view("stated", [provenance])
    database.view("in_common", [facts])
    parts = [one for number, source in enumerate(sources) for one in _of_keys(database, source, number)]
    ids = values(" UNION ALL ".join([*parts, _PROVENANCE, _OBSERVATIONS]), "treeoflife_id")
    # The dataset's own ids are as they are compared already.
    database.run(f"CREATE OR REPLACE VIEW known_id AS {_OWN} UNION ALL {ids}")


def _of_keys(database: Database, source: Source, number: int) -> Iterator[str]:
    """The ids in the natural keys of a source; and the addresses of its list, where these have none."""
    where = f"FROM image WHERE source = {quoted(source.name)}"
    kinds = {name: kind_of(name) for name, kind in source.columns.items() if kind is str or kind_of(name) == "photo_id"}
    names = catalog_names(source)
    for name, kind in kinds.items():
        if kind and name != source.given_id:
            yield f"SELECT treeoflife_id, {quoted(kind)} AS kind, {column(names[name])}::VARCHAR AS text {where}"
    if source.listed_as not in {f"{{{name}}}" for name, kind in kinds.items() if kind}:
        yield f"SELECT treeoflife_id, 'source_id' AS kind, {listed_name(source)} AS text {where}"
    has_address = any(kind in ("url", "photo_id") for kind in kinds.values())
    if isinstance(source, ListedImages) and source.label_files() and not has_address:
        database.view(f"listed_{number}", source.label_files())
        key = " AND ".join(f"listed.{column(one)} = image.{column(names[one])}" for one in source.key)
        yield f"""
            SELECT treeoflife_id, 'url' AS kind, listed.url AS text
            FROM listed_{number} AS listed
            JOIN image ON {key} AND source = {quoted(source.name)}
        """
