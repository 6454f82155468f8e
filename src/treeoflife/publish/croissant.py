"""The dataset described for machines: Croissant 1.0, which says what its files are and what the catalog's columns mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .. import __version__
from ..config.paths import Paths
from ..core.files import sha256, write_text
from ..core.values import RANKS, SPLITS
from ..errors import InputError
from ..images.store import read_meta

CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract", "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references",
    "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/", "separator": "cr:separator",
    "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip

DESCRIBED = ("split", "treeoflife_id", *RANKS, "common")
"""The columns of a catalog that are described."""


def write_croissant(paths: Paths, url: str = "", licence: str = "https://creativecommons.org/licenses/") -> Path:
    """Write croissant.json beside the card; returns where.

    Raises:
        InputError: there is no catalog.
    """
    if not paths.catalog_csv.exists():
        raise InputError(f"there is no catalog at {paths.catalog_csv}: 'treeoflife catalog' writes it")
    write_text(paths.croissant, json.dumps(describe(paths, url, licence), indent=1, ensure_ascii=False) + "\n")
    return paths.croissant


def describe(paths: Paths, url: str, licence: str) -> dict[str, Any]:
    """The description as JSON-LD."""
    catalog = paths.catalog_csv.relative_to(paths.root).as_posix()
    digest = (read_meta(paths.catalog) or {}).get("csv") or sha256(paths.catalog_csv)
    files: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": "catalog",
            "name": "catalog",
            "contentUrl": catalog,
            "encodingFormat": "text/csv",
            "sha256": digest,
        }
    ]
    for split in SPLITS:
        files += [_shard(paths, split, shard) for shard in sorted(paths.split(split).glob("*.tar"))]
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "name": paths.root.name[:200], "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"Images of living things with seven ranks, common names and ten captions, built by treeoflife {__version__}.",
        "license": licence, "url": url or "https://imageomics.github.io/bioclip/", "version": "1.0.0", "distribution": files,
        "recordSet": [{"@type": "cr:RecordSet", "@id": "samples", "name": "samples", "field": [_field(column) for column in DESCRIBED]}],
    }  # fmt: skip


def _shard(paths: Paths, split: str, shard: Path) -> dict[str, Any]:
    number = shard.stem.rpartition("-")[2]
    meta = read_meta(paths.shard_index(split, int(number))) if number.isdigit() else None
    digest = (meta or {}).get("sha256") or sha256(shard)
    name = f"{split}-{shard.stem}"
    where = shard.relative_to(paths.root).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": where,
        "encodingFormat": "application/x-tar",
        "sha256": digest,
    }


def _field(column: str) -> dict[str, Any]:
    source = {"fileObject": {"@id": "catalog"}, "extract": {"column": column}}
    return {"@type": "cr:Field", "@id": f"samples/{column}", "name": column, "dataType": "sc:Text", "source": source}
