"""The dataset described for programs: croissant.json, with its files and the meaning of the catalog's columns.

The format is Croissant 1.0: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import json
from pathlib import Path
from typing import Any

from ..config.paths import Paths
from ..core.files import sha256, write_text
from ..core.parquet_meta import read_meta
from ..core.text import printable
from ..core.values import RANKS, SPLITS
from ..core.versions import __version__
from .card_inputs import CardInputs
from .card_rights import own_entry
from .own_files import BUILT_BY

# The JSON-LD context that the specification gives for all datasets.
_CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/", "separator": "cr:separator",
    "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
# The columns that every catalog has; those of single sources are left out.
_COLUMNS = ("split", "treeoflife_id", *RANKS, "common")


def write_croissant(inputs: CardInputs) -> Path:
    """Write croissant.json beside the card; returns its path."""
    text = json.dumps(_describe(inputs), indent=1, ensure_ascii=False) + "\n"
    write_text(inputs.paths.croissant, text)
    return inputs.paths.croissant


def _describe(inputs: CardInputs) -> dict[str, Any]:
    """The description as JSON-LD; what is not known is left out."""
    paths, card = inputs.paths, inputs.config.card
    # The catalog's and the shards' digests are on record: a dataset of terabytes is not hashed again.
    digest = (read_meta(paths.catalog) or {}).get("csv") or sha256(paths.catalog_csv)
    files = [_file(paths, "catalog", paths.catalog_csv, "text/csv", digest)]
    for split in SPLITS:
        files += [_shard(paths, split, shard) for shard in sorted(paths.split_folder(split).glob("*.tar"))]
    known = {
        "url": inputs.url, "license": _licences(inputs), "creator": [{"@type": "sc:Person", "name": name} for name in card.authors],
        "citeAs": own_entry(inputs), "identifier": card.doi and f"https://doi.org/{card.doi}",
    }  # fmt: skip
    return {
        "@context": _CONTEXT, "@type": "sc:Dataset", "name": printable(inputs.title), "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"{inputs.figures.images:,} images of living things with seven ranks, common names and captions, {BUILT_BY} {__version__}.",
        **{key: value for key, value in known.items() if value}, "version": "1.0.0", "distribution": files,
        "recordSet": [{"@type": "cr:RecordSet", "@id": "samples", "name": "samples", "field": [_field(column) for column in _COLUMNS]}],
    }  # fmt: skip


def _licences(inputs: CardInputs) -> list[str]:
    """The addresses of the licences that images have, and the stated one of the dataset as a whole."""
    links = sorted({one.link for one in inputs.figures.licences if one.link})
    return [*filter(None, [inputs.config.card.licence]), *links]


def _shard(paths: Paths, split: str, shard: Path) -> dict[str, Any]:
    number = shard.stem.rpartition("-")[2]
    meta = read_meta(paths.shard_index(split, int(number))) if number.isdigit() else None
    digest = (meta or {}).get("sha256") or sha256(shard)
    return _file(paths, f"{split}-{shard.stem}", shard, "application/x-tar", digest)


def _file(paths: Paths, name: str, path: Path, media_type: str, digest: str) -> dict[str, Any]:
    # Shards in an object store are named by their addresses.
    url = (path.relative_to(paths.root) if path.is_relative_to(paths.root) else path).as_posix()
    return {
        "@type": "cr:FileObject", "@id": name, "name": name, "contentUrl": url, "encodingFormat": media_type,
        "sha256": digest,
    }  # fmt: skip


def _field(column: str) -> dict[str, Any]:
    source = {"fileObject": {"@id": "catalog"}, "extract": {"column": column}}
    return {"@type": "cr:Field", "@id": f"samples/{column}", "name": column, "dataType": "sc:Text", "source": source}
