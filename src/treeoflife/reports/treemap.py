"""Treemaps, in which the area of a taxon is proportional to its images: HTML with Plotly, and PDF, PNG and SVG.

The static files are drawn with Matplotlib rather than Plotly, whose export to PDF and PNG needs a browser.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..core.extras import import_extra
from ..core.files import replacing, write_text
from ..core.text import printable
from ..core.values import RANKS

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""The palette of Okabe and Ito, which people with colour blindness can tell apart."""
UNKNOWN = "not given"
NO_LOWER_RANK = "no lower rank"
"""What the images of a taxon are called that are named no further."""
_TITLED_LEVELS = 2  # the outer levels, whose names are written in a strip above their boxes
_MAX_LABEL = 60
_MAX_NODES = 12_000  # browsers become slow with many more boxes, and boxes of so small a share cannot be seen
_MAX_NODES_STATIC = 4000  # a PNG of 2,400 by 1,500 pixels has no room for more
_BACKGROUND = "#f4f4f0"

Box = tuple[float, float, float, float]
"""x, y, width and height."""


@dataclass
class Node:
    """A taxon, the number of its images, and the taxa below it, the largest first."""

    name: str
    rank: str
    images: int = 0
    children: list[Node] = field(default_factory=list)


def label_text(name: str, max_length: int = _MAX_LABEL) -> str:
    """A name as a label: invisible characters as escapes, cut to ``max_length`` characters."""
    text = printable(name).replace("\n", " ")
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def build_tree(rows: pl.DataFrame, top: str, bottom: str) -> Node:
    """Build the tree of taxa from the rank ``top`` down to ``bottom``.

    ``rows`` have the seven ranks and ``images``, as from :func:`statistics.count_taxa`. A lineage ends at its lowest
    named rank. Where a taxon has other taxa below it, its images that are named no further are a node beside these.
    """
    ranks = RANKS[RANKS.index(top) : RANKS.index(bottom) + 1]
    counts = rows.group_by(ranks).agg(pl.col("images").sum()).sort(ranks)
    root, nodes = Node("all", ""), dict[tuple[str, ...], Node]()
    for *lineage, images in counts.iter_rows():
        root.images += images
        parent, depth = root, max((level for level, name in enumerate(lineage, 1) if name), default=1)
        for level in range(depth):
            key = tuple(lineage[: level + 1])
            if key not in nodes:
                nodes[key] = Node(lineage[level] or UNKNOWN, ranks[level])
                parent.children.append(nodes[key])
            parent = nodes[key]
            parent.images += images
    for node in nodes.values():
        if rest := node.images - sum(child.images for child in node.children) if node.children else 0:
            node.children.append(Node(NO_LOWER_RANK, node.rank, rest))
    for node in (root, *nodes.values()):
        node.children.sort(key=lambda child: (-child.images, child.name))
    return root


def prune(root: Node, max_nodes: int = _MAX_NODES) -> Node:
    """The same tree with at most about ``max_nodes`` nodes: the smallest siblings are merged into one."""
    nodes = [root]
    for node in nodes:  # the list grows until it holds the whole tree
        nodes += node.children
    sizes = sorted((node.images for node in nodes), reverse=True)
    return _merge_small(root, sizes[max_nodes] if len(sizes) > max_nodes else 0)


def _merge_small(node: Node, max_images: int) -> Node:
    large = [_merge_small(child, max_images) for child in node.children if child.images > max_images]
    small = [child for child in node.children if child.images <= max_images]
    if small:
        large.append(Node(f"{len(small)} more", small[0].rank, sum(child.images for child in small)))
    return Node(node.name, node.rank, node.images, large)


def layout(root: Node, width: float, height: float, pad: float) -> Iterator[tuple[Node, Box, int, int]]:
    """Compute the box of every node below the root; ``pad`` is the height of the strip with the name of an outer node.

    Yields:
        The node, its box, its depth (0 for a child of the root), and the number of the root's child it belongs to.
    """
    squarify = import_extra("squarify", "reports", "report")

    def boxes(node: Node, box: Box, depth: int, branch: int) -> Iterator[tuple[Node, Box, int, int]]:
        x, y, w, h = box
        if w <= 0 or h <= 0 or not node.children:
            return
        sizes = squarify.normalize_sizes([child.images for child in node.children], w, h)
        for number, (child, rect) in enumerate(zip(node.children, squarify.squarify(sizes, x, y, w, h), strict=True)):
            child_branch = branch if depth else number
            left, top, wide, high = rect["x"], rect["y"], rect["dx"], rect["dy"]
            yield child, (left, top, wide, high), depth, child_branch
            # A low box keeps two thirds of its height for its children.
            strip = min(pad, high / 3) if depth < _TITLED_LEVELS else 0
            yield from boxes(child, (left, top + strip, wide, high - strip), depth + 1, child_branch)

    yield from boxes(root, (0.0, 0.0, width, height), 0, 0)


def write_html(path: Path, root: Node, title: str) -> None:
    """Write an interactive treemap as one HTML file that contains Plotly and needs no network."""
    graph = import_extra("plotly.graph_objects", "reports", "report")
    nodes = list(_with_parents(prune(root)))
    trace = graph.Treemap(
        ids=[str(number) for number in range(len(nodes))],
        labels=[html.escape(label_text(node.name)) for node, _, _ in nodes],
        parents=["" if parent is None else str(parent) for _, parent, _ in nodes],
        values=[node.images for node, _, _ in nodes], branchvalues="total", maxdepth=4, tiling={"pad": 2},
        marker={"colors": [colour for *_, colour in nodes], "line": {"width": 1, "color": "white"}},
        root={"color": _BACKGROUND},
        hovertemplate="%{label}<br>%{value:,} images, %{percentRoot:.2%} of all<extra></extra>", texttemplate="%{label}<br>%{value:,}",  # noqa: E501
    )  # fmt: skip
    figure = graph.Figure(trace, layout={"title": {"text": title}, "margin": {"t": 60, "l": 10, "r": 10, "b": 10}})
    text = figure.to_html(include_plotlyjs=True, full_html=True, div_id="treemap", config={"displaylogo": False})
    head = f'<head><title>{html.escape(title)}</title><meta name="viewport" content="width=device-width">'
    write_text(path, text.replace("<head>", head, 1))


def _with_parents(root: Node) -> Iterator[tuple[Node, int | None, str]]:
    """Every node, with the position of its parent in this sequence and its colour."""
    count = 0
    stack: list[tuple[Node, int | None, str, int]] = [(root, None, _BACKGROUND, 0)]
    while stack:
        node, parent, colour, depth = stack.pop()
        yield node, parent, tint(colour, min(0.6, 0.2 * max(0, depth - 1)))
        for number, child in enumerate(node.children):
            child_colour = COLOURS[number % len(COLOURS)] if depth == 0 else colour
            stack.append((child, count, child_colour, depth + 1))
        count += 1


def write_static(paths: Sequence[Path], root: Node, title: str) -> None:
    """Write the treemap to each of ``paths``, in the format of its extension: PDF, PNG or SVG."""
    import_extra("matplotlib", "reports", "report").use("Agg")
    pyplot = import_extra("matplotlib.pyplot", "reports", "report")
    patches = import_extra("matplotlib.patches", "reports", "report")
    # Journals take fonts that are embedded as TrueType, and not Matplotlib's Type 3.
    with pyplot.rc_context({"pdf.fonttype": 42}):
        figure = _draw(pyplot, patches, root, title)
        for path in paths:
            extension = path.suffix[1:]
            # Dates and versions would make other bytes of the same catalog.
            metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[extension]
            with replacing(path) as temporary:
                figure.savefig(temporary, format=extension, metadata=metadata, dpi=150, bbox_inches="tight")
        pyplot.close(figure)


def _draw(pyplot: Any, patches: Any, root: Node, title: str) -> Any:
    """The treemap as a figure of Matplotlib."""
    figure, axes = pyplot.subplots(figsize=(16, 10))
    for node, box, depth, branch in layout(prune(root, _MAX_NODES_STATIC), 160, 96, pad=2.2):
        x, y, w, h = box
        colour = tint(COLOURS[branch % len(COLOURS)], (0.0, 0.45, 0.62, 0.75)[min(depth, 3)])
        line_width = (1.6, 1.0, 0.5, 0.25)[min(depth, 3)]
        axes.add_patch(patches.Rectangle((x, y), w, h, fc=colour, ec="white", lw=line_width))
        _write_label(axes, node, box, depth, colour)
    axes.set(xlim=(0, 160), ylim=(96, 0))
    axes.axis("off")
    axes.set_title(f"{title}: {root.images:,} images", fontsize=16, loc="left")
    return figure


def _write_label(axes: Any, node: Node, box: Box, depth: int, colour: str) -> None:
    """Write a name if there is room: in the strip of an outer node, or in the middle of a box without children."""
    x, y, w, h = box
    strip = depth < _TITLED_LEVELS and node.children
    size = 11 if depth == 0 else 8
    # A letter is about 0.115 units wide and 0.2 high per point of the font. Fewer than five letters say nothing.
    text = label_text(node.name, max(1, int(w / (size * 0.115))))
    if len(text) < min(5, len(node.name)) or h < size * 0.2 or (node.children and not strip):
        return
    style = {"color": text_colour(colour), "fontsize": size, "parse_math": False, "clip_on": True}
    if strip:
        axes.text(x + 0.5, y + 1.1, text, va="center", weight="bold", **style)
    else:
        axes.text(x + w / 2, y + h / 2, text, va="center", ha="center", **style)


def tint(colour: str, white: float) -> str:
    """Mix a colour with white, from 0 (the colour) to 1 (white).

    >>> tint("#000000", 0.5)
    '#808080'
    """
    return "#" + "".join(f"{round(channel + (255 - channel) * white):02x}" for channel in bytes.fromhex(colour[1:]))


def text_colour(background: str) -> str:
    """Black or white, whichever has more contrast with the background.

    The luminance is that of WCAG 2 (https://www.w3.org/TR/WCAG21/#dfn-relative-luminance); black and white contrast
    equally with a luminance of 0.18.

    >>> text_colour("#F0E442")
    '#000000'
    """
    channels = [channel / 255 for channel in bytes.fromhex(background[1:])]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.18 else "#ffffff"
