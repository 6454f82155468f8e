"""A dataset as notebooks show it: samples per split, and a row of pictures, in one piece of HTML without links."""

import base64
import io
from collections.abc import Iterable, Mapping
from html import escape

from .sample import Sample

PICTURES = 8
"""The number of pictures that fit side by side."""
# Pixels. Eight pictures of this size fit into the width of a notebook, and take about 3 kB each in its file.
_SIDE = 112


def dataset_html(title: str, counts: Mapping[str, int], samples: Iterable[Sample]) -> str:
    """The HTML of a dataset: the ``counts`` of samples by split, and the pictures and names of ``samples``."""
    cells = "".join(f"<tr><td>{split}</td><td>{count:,}</td></tr>" for split, count in counts.items())
    return (
        f"<div><b><bdi>{escape(title)}</bdi></b>: {sum(counts.values()):,} samples"
        f"<table><tr><th>split</th><th>samples</th></tr>{cells}</table>"
        f'<div style="display: flex; flex-wrap: wrap; gap: 8px">{"".join(map(_figure, samples))}</div></div>'
    )


def _figure(sample: Sample) -> str:
    name, common = escape(sample.name), escape(sample.row.get("common") or "")
    style = f"width: {_SIDE}px; margin: 0; font-size: small; overflow-wrap: anywhere"
    title = f"<i><bdi>{name}</bdi></i>" + (f"<br><bdi>{common}</bdi>" if common != name else "")
    image = f'<img alt="{name}" src="{_thumbnail(sample)}">'
    return f'<figure style="{style}">{image}<figcaption>{title}</figcaption></figure>'


def _thumbnail(sample: Sample) -> str:
    """A small copy of a sample's image as a data URI; empty if the image is damaged."""
    try:
        image = sample.image
    except OSError:  # a damaged image must not hide the others
        return ""
    image.thumbnail((_SIDE, _SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
