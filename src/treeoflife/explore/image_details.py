"""All that the page shows of one image."""

from typing import Any

from ..core.values import RANKS
from ..selection.marks import Marks
from .live import View
from .numbers import describe, score_texts

# A finding may concern very many images; the page says how many more there are.
_MAX_OTHERS = 8


def describe_image(view: View, row: int, marks: Marks) -> dict[str, Any]:
    """The names, texts, findings, numbers and mark of an image, and where it and its original lie."""
    index, paths = view.index, view.dataset.paths
    sample = view.dataset[int(index.number[row])]
    return {
        "row": row,
        "id": sample.id,
        "catalog": {name: value for name, value in sample.row.items() if value not in (None, "")},
        "texts": sample.texts,
        "names": {name: value for name, value in sample.names.items() if name not in ("source", "name_key")},
        "shard": paths.name(sample.shard),
        "shard_offset": sample.shard_offset,
        "mark": marks.of(sample.id),
        "link": _eol_link(sample.row),
        "original": _original(sample.provenance),
        "findings": _findings(view, row, sample.id),
        "numbers": describe(index.numbers, row) | score_texts(index.scores, sample.id),
        "in_train_small": bool(index.codes["small"][row]),
        **{facet: index.values[facet][int(index.codes[facet][row])] for facet in ("licence", "depth")},
    }


def _findings(view: View, row: int, treeoflife_id: str) -> list[dict[str, Any]]:
    """The findings about an image, each with its meaning and the names of the other images that it concerns."""
    index = view.index
    findings = [finding for file in index.findings for finding in file.of(treeoflife_id)]
    kinds = {finding["kind"] for finding in findings}
    # Findings about a label are in no file of findings: the index has them as bits only.
    of_label = [kind for kind in index.finding_kinds(row) if kind not in kinds]
    findings += [{"kind": kind, "detail": "", "others": []} for kind in of_label]
    for finding in findings:
        others = finding["others"]
        finding["what"] = index.meanings.get(finding["kind"], "")
        finding["more"] = max(0, len(others) - _MAX_OTHERS)
        finding["others"] = [_other(view, other) for other in others[:_MAX_OTHERS]]
    return findings


def _other(view: View, treeoflife_id: str) -> dict[str, Any]:
    """The id, row and names of another image that a finding concerns; only its id if it is not in the dataset."""
    try:
        sample = view.dataset[treeoflife_id]
    except KeyError:
        return {"id": treeoflife_id}
    names = {rank: sample.row.get(rank) or "" for rank in (*RANKS, "common")}
    return {"id": sample.id, "row": view.index.row_of(sample.number), "names": names}


def _eol_link(row: dict[str, Any]) -> str:
    """The address of an image's page at EOL; empty for images of other sources."""
    content = row.get("eol_content_id")
    return f"https://eol.org/media/{int(content)}" if content not in (None, "") else ""


def _original(provenance: dict[str, Any]) -> str:
    """The address of the image that the sample was made from, if it is on the web."""
    url = str(provenance.get("source_url") or "")
    return url if url.startswith(("https://", "http://")) else ""
