"""Write the bill of materials of each lock, as CycloneDX: the same bytes for the same lock, no word of a registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCKS = ("core", "dev", "docs", "image", "trainers", "open_clip", "dist", "uv")
_PACKAGE = re.compile(r"(?m)^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)(?: ; ([^\\\n]+?))?(?: \\)?$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(lock: str) -> dict[str, Any]:
    """The bill of the text of a lock.

    >>> found = bill("polars==2.1.0 ; python_version < '3.12' \\\\\\n    --hash=sha256:" + 64 * "0")["components"][0]
    >>> found["purl"], found["properties"][0]["value"]
    ('pkg:pypi/polars@2.1.0', "python_version < '3.12'")
    """
    starts = [*_PACKAGE.finditer(lock)]
    ends = [one.start() for one in starts[1:]] + [len(lock)]
    components = [_component(one, _HASH.findall(lock, one.end(), end)) for one, end in zip(starts, ends, strict=True)]
    about = {"type": "application", "name": "treeoflife", "licenses": [{"license": {"id": "MIT"}}]}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": about},
            "components": components}  # fmt: skip


def _component(found: re.Match[str], hashes: list[str]) -> dict[str, Any]:
    """A package; what holds for some computers alone, and the files that it may come as, are properties."""
    name, version, where = found.groups()
    purl = f"pkg:pypi/{name}@{version}"
    told = [{"name": "treeoflife:where", "value": where}] if where else []
    told += [{"name": "treeoflife:sha256", "value": one} for one in hashes]
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "properties": told}


def rendered(lock: Path) -> str:
    """The bill of a lock, as it is written."""
    return json.dumps(bill(lock.read_text(encoding="utf-8")), indent=1) + "\n"


if __name__ == "__main__":
    for name in LOCKS:
        (HERE / f"{name}.cdx.json").write_text(rendered(HERE / f"{name}.txt"), encoding="utf-8")
