"""Treemaps: the area of a taxon is its share of the images. HTML with Plotly; SVG, PDF and PNG without a browser."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..core.files import replacing, write_text
from ..core.text import printable
from ..core.values import RANKS
from ..errors import MissingExtra

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's colours, which the colour-blind tell apart."""
UNKNOWN = "not given"
STRIPS = 2
"""The outer levels whose names stand on a strip above what they hold."""
_LONGEST, _MOST = 60, 12_000

Box = tuple[float, float, float, float]


@dataclass
class Node:
    """A taxon, how many images are of it, and the taxa below it, the largest first."""

    name: str
    rank: str
    images: int = 0
    children: list[Node] = field(default_factory=list)


def needed(module: str) -> Any:
    """A module of the extra ``reports``.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise MissingExtra(f"reports need {name}: pip install 'treeoflife[reports]'") from None


def shown(name: str, longest: int = _LONGEST) -> str:
    """A name fit to be a label: invisible characters as escapes, and not too long."""
    text = printable(name).replace("\n", " ")
    return text if len(text) <= longest else text[: longest - 1] + "…"


def tree(rows: pl.DataFrame, top: str, bottom: str) -> Node:
    """The images of a table of taxa as a tree, from the rank ``top`` down to ``bottom``."""
    ranks = RANKS[RANKS.index(top) : RANKS.index(bottom) + 1]
    counts = rows.group_by(ranks).agg(pl.col("images").sum()).sort(ranks)
    root, places = Node("all", ""), dict[tuple[str, ...], Node]()
    for *lineage, images in counts.iter_rows():
        root.images += images
        for node in _path(root, places, lineage, ranks):
            node.images += images
    for node in (root, *places.values()):
        node.children.sort(key=lambda one: (-one.images, one.name))
    return root


def _path(root: Node, places: dict[tuple[str, ...], Node], lineage: list[str], ranks: Sequence[str]) -> Iterator[Node]:
    """The nodes from the root to a lineage's lowest known rank; those that are missing are added."""
    last = max((at for at, name in enumerate(lineage) if name), default=-1)
    parent = root
    for at in range(max(last + 1, 1)):
        key = tuple(lineage[: at + 1])
        if key not in places:
            places[key] = Node(lineage[at] or UNKNOWN, ranks[at])
            parent.children.append(places[key])
        parent = places[key]
        yield parent


def pruned(root: Node, most: int = _MOST) -> Node:
    """The same tree with at most about ``most`` nodes: small ones are put together."""
    sizes = sorted((node.images for node in walk(root)), reverse=True)
    return _pruned(root, sizes[most] if len(sizes) > most else 0)


def _pruned(node: Node, least: int) -> Node:
    large = [_pruned(one, least) for one in node.children if one.images > least]
    rest = [one for one in node.children if one.images <= least]
    if rest:
        large.append(Node(f"{len(rest)} more", rest[0].rank, sum(one.images for one in rest)))
    return Node(node.name, node.rank, node.images, large)


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def layout(root: Node, width: float, height: float, pad: float = 0) -> Iterator[tuple[Node, Box, int, int]]:
    """Every node below the root with its box (x, y, width, height), its depth, and the number of its first ancestor."""
    squarify = needed("squarify")

    def place(node: Node, box: Box, depth: int, first: int) -> Iterator[tuple[Node, Box, int, int]]:
        x, y, w, h = box
        if w <= 0 or h <= 0 or not node.children:
            return
        sizes = squarify.normalize_sizes([one.images for one in node.children], w, h)
        share = sum(one.images for one in node.children) / max(1, node.images)
        for number, (child, rect) in enumerate(zip(node.children, squarify.squarify(sizes, x, y, w, h), strict=True)):
            of = number if depth == 0 else first
            inner = (rect["x"], rect["y"], rect["dx"] * (share if depth else 1), rect["dy"])
            yield child, inner, depth, of
            yield from place(child, _inside(inner, pad if depth < STRIPS else 0), depth + 1, of)

    yield from place(root, (0.0, 0.0, width, height), 0, 0)


def _inside(box: Box, pad: float) -> Box:
    x, y, w, h = box
    top = min(pad, h / 3)
    return (x, y + top, w, h - top)


def write_html(path: Path, root: Node, title: str) -> None:
    """An interactive treemap in one file, with Plotly within it."""
    graph = needed("plotly.graph_objects")
    ids: list[str] = []
    labels: list[str] = []
    parents: list[str] = []
    values: list[int] = []
    colours: list[str] = []
    for node, parent, colour in _numbered(pruned(root)):
        ids.append(str(len(ids)))
        labels.append(html.escape(shown(node.name)))
        parents.append("" if parent is None else str(parent))
        values.append(node.images)
        colours.append(colour)
    trace = graph.Treemap(
        ids=ids, labels=labels, parents=parents, values=values, branchvalues="total", maxdepth=4, tiling={"pad": 2},
        marker={"colors": colours, "line": {"width": 1, "color": "white"}}, root={"color": "#f4f4f0"},
        hovertemplate="%{label}<br>%{value:,} images, %{percentRoot:.2%} of all<extra></extra>", texttemplate="%{label}<br>%{value:,}",  # noqa: E501
    )  # fmt: skip
    figure = graph.Figure(trace, layout={"title": {"text": title}, "margin": {"t": 60, "l": 10, "r": 10, "b": 10}})
    text = figure.to_html(include_plotlyjs=True, full_html=True, div_id="treemap", config={"displaylogo": False})
    write_text(
        path,
        text.replace(
            "<head>", f'<head><title>{html.escape(title)}</title><meta name="viewport" content="width=device-width">', 1
        ),
    )


def _numbered(root: Node) -> Iterator[tuple[Node, int | None, str]]:
    """Every node with the number of its parent, and its colour."""
    count = 0
    waiting: list[tuple[Node, int | None, str, int]] = [(root, None, "#f4f4f0", 0)]
    while waiting:
        node, parent, colour, depth = waiting.pop()
        yield node, parent, tint(colour, min(0.6, 0.2 * max(0, depth - 1)))
        own, count = count, count + 1
        for number, child in enumerate(node.children):
            below = COLOURS[number % len(COLOURS)] if depth == 0 else colour
            waiting.append((child, own, below, depth + 1))


def write_static(paths: Sequence[Path], root: Node, title: str) -> None:
    """The treemap as files, each of the kind that its ending says: PDF, PNG or SVG."""
    needed("matplotlib").use("Agg")
    pyplot, patches = needed("matplotlib.pyplot"), needed("matplotlib.patches")
    figure, axes = pyplot.subplots(figsize=(16, 10))
    for node, box, depth, first in layout(pruned(root, 4000), 160, 96, pad=2.2):
        x, y, w, h = box
        colour = tint(COLOURS[first % len(COLOURS)], (0.0, 0.45, 0.62, 0.75)[min(depth, 3)])
        line = (1.6, 1.0, 0.5, 0.25)[min(depth, 3)]
        axes.add_patch(patches.Rectangle((x, y), w, h, fc=colour, ec="white", lw=line))
        _label(axes, node, box, depth, colour)
    axes.set(xlim=(0, 160), ylim=(96, 0))
    axes.axis("off")
    axes.set_title(f"{title}: {root.images:,} images", fontsize=16, loc="left")
    for path in paths:
        kind = path.suffix[1:]
        quiet = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[kind]
        with replacing(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=quiet, dpi=150, bbox_inches="tight")
    pyplot.close(figure)


def _label(axes: Any, node: Node, box: Box, depth: int, colour: str) -> None:
    """A name where there is room for it: on the strip above its boxes, or in the middle of a box that holds no other."""  # noqa: E501
    x, y, w, h = box
    strip = depth < STRIPS and node.children
    size = 11 if depth == 0 else 8
    text = shown(node.name, max(1, int(w / (size * 0.115))))
    if len(text) < min(5, len(node.name)) or h < size * 0.2 or (node.children and not strip):
        return
    ink = {"color": ink_on(colour), "fontsize": size, "parse_math": False, "clip_on": True}
    if strip:
        axes.text(x + 0.5, y + 1.1, text, va="center", weight="bold", **ink)
    else:
        axes.text(x + w / 2, y + h / 2, text, va="center", ha="center", **ink)


def tint(colour: str, share: float) -> str:
    """A colour with a share of white.

    >>> tint("#000000", 0.5)
    '#808080'
    """
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return "#000000" if 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.18 else "#ffffff"
