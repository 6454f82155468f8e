"""reports/index.html: one page that needs no other file, no network and no script, so it can be mailed or archived."""

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from ..core.values import RANKS
from .treemap import COLOURS, Box, Node, label_text, layout, text_colour, tint

# Nothing is loaded and no script runs, whatever a name in the catalog looks like.
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_COUNTED_RANKS = ("family", "genus", "species")
_PLURALS = {"species": "species", "genus": "genera", "family": "families", "kingdom": "kingdoms"}
_MAX_ROWS = 20

Images = Mapping[str, Sequence[tuple[bytes, str]]]
"""Sample images by kingdom: the JPEG, and the name of the taxon that it shows."""


def render_page(
    title: str, made: str, numbers: Mapping[str, Any], *, trees: Mapping[str, Node], images: Images,
    findings: Sequence[tuple[str, int]], licences: Mapping[str, int], links: Sequence[tuple[str, str]],
) -> str:  # fmt: skip
    """Return the page as HTML.

    Args:
        title: the name of the dataset.
        made: by which version the page was made, and of which day the dataset is.
        numbers: the statistics, see :func:`statistics.compute_statistics`.
        trees: a tree for each treemap, by the title of the treemap.
        images: sample images by kingdom.
        findings: meaning and number of images of each kind of finding.
        licences: number of images by licence.
        links: names and addresses of further files.
    """
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    sections = [
        *_overview(numbers),
        *(_section(heading, _treemap(tree), wide=True) for heading, tree in trees.items()),
        _section("Sample images", "".join(_image_strips(images)), wide=True) if images else "",
        *_details(numbers, findings, licences),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(title)}: report</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="{_CSP}">'
        f"<style>{style}</style></head><body>{_header(title, made, numbers, links)}"
        f"<main>{''.join(sections)}</main></body></html>\n"
    )


def _text(value: object, max_length: int = 120) -> str:
    """A text from the dataset as HTML: escaped, cut, and with invisible characters written out."""
    return escape(label_text(str(value), max_length))


def _section(title: str, body: str, *, wide: bool = False) -> str:
    return f"<section{' class=wide' if wide else ''}><h2>{_text(title)}</h2>{body}</section>"


def _header(title: str, made: str, numbers: Mapping[str, Any], file_links: Sequence[tuple[str, str]]) -> str:
    facts = [("images", numbers["images"]), *((plural, numbers["taxa"][rank]) for rank, plural in _PLURALS.items())]
    cards = "".join(f"<div><dd>{value:,}</dd><dt>{name}</dt></div>" for name, value in facts)
    links = " · ".join(f'<a href="{escape(href, quote=True)}">{_text(name)}</a>' for name, href in file_links)
    return f"<header><p class=kicker>treeoflife report</p><h1>{_text(title)}</h1><p class=note>{_text(made)}</p><dl>{cards}</dl><nav aria-label=Files>{links}</nav></header>"


def _overview(numbers: Mapping[str, Any]) -> Iterable[str]:
    small = "<p class=note>Every image of train_small is in train too.</p>"
    named = [(rank, numbers["named"][rank], numbers["taxa"][rank], numbers["names"][rank]) for rank in RANKS]
    namesakes = "<p class=note>A taxon is its whole lineage: <i>Morus</i> the mulberry and <i>Morus</i> the gannet are two taxa, and one name.</p>"
    yield _section("Sources", _taxa_table("source", numbers["source"]))
    yield _section("Splits", _taxa_table("split", numbers["split"]) + small)
    yield _section("Kingdoms", _taxa_table("kingdom", numbers["kingdom"]))
    yield _section("Ranks", _table(("rank", "images named", "taxa", "names"), named) + namesakes)
    yield _section("Lowest rank of labels", _table(("lowest rank", "images"), list(numbers["depth"].items())))
    if numbers["common"]:
        yield _section("Common names", _common_names(numbers))
    yield _section("Images per species", _long_tail(numbers["tail"]))


def _common_names(numbers: Mapping[str, Any]) -> str:
    """How many images and species have a common name, and how many have none."""
    common = numbers["common"]
    totals = {"images": numbers["images"], "species": numbers["taxa"]["species"]}
    rows = [(what, common[what], total - common[what]) for what, total in totals.items()]
    return _table(("of", "with a common name", "without"), rows)


def _taxa_table(heading: str, groups: Mapping[str, Mapping[str, int]]) -> str:
    """Images and taxa of the largest groups. The rest has a number of images only, since its groups may share taxa."""
    rows: list[tuple[Any, ...]] = [
        (name or "not given", group["images"], *(group[rank] for rank in _COUNTED_RANKS))
        for name, group in groups.items()
    ]
    if rest := rows[_MAX_ROWS:]:
        blank = [None] * len(_COUNTED_RANKS)
        rows = [*rows[:_MAX_ROWS], (f"{len(rest)} more", sum(row[1] for row in rest), *blank)]
    return _table((heading, "images", *(_PLURALS[rank] for rank in _COUNTED_RANKS)), rows)


def _table(headings: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """A table of names and numbers; the numbers of the first column of numbers are drawn as bars too."""
    if not rows:
        return "<p class=note>None.</p>"
    largest = max(row[1] for row in rows) or 1
    head = f"<th scope=col>{_text(headings[0])}</th>"
    head += "".join(f"<th scope=col class=n>{_text(heading)}</th>" for heading in headings[1:])
    lines = "".join(
        f"<tr><th scope=row><bdi>{_text(row[0])}</bdi>{_bar(row[1] / largest)}</th>"
        + "".join(f"<td class=n>{'' if value is None else f'{value:,}'}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    # Where it is wider than the screen it scrolls by itself, and then must be reached by keys too.
    return f'<div class=scroll role=group aria-label="{_text(", ".join(headings))}" tabindex=0>{table}</div>'


def _bar(share: float) -> str:
    return f'<span class=bar style="width:{100 * share:.1f}%"></span>' if share else ""


def _long_tail(tail: Mapping[str, Any]) -> str:
    if not tail["species"]:
        return "<p class=note>No image is named down to species.</p>"
    summary = (
        f"<p>{tail['images']:,} images are named down to one of {tail['species']:,} species; the {tail['half']:,} most common "
        f"have half of these images. The median is {tail['median']:,} "
        f"images per species; {tail['once']:,} species have one image, {tail['at_most_10']:,} have ten or fewer.</p>"
    )
    commonest = _table(("most common species", "images"), [tuple(row) for row in tail["top"][:6]])
    return summary + _rank_plot(tail["points"]) + commonest


def _rank_plot(points: Sequence[Sequence[int]]) -> str:
    """A plot of images per species against the position of the species, the most common first, on logarithmic scales."""
    width, height, left, bottom, margin = 560, 240, 56, 36, 12
    right, top, base = width - margin, margin, height - bottom
    # A scale of at least a third of a decade: log10(1) is 0, and a dataset may have one species, or one image of each.
    decades_x, decades_y = max(math.log10(points[-1][0]), 0.3), max(math.log10(points[0][1]), 0.3)

    def x(power: float) -> float:
        return left + (right - left) * power / decades_x

    def y(power: float) -> float:
        return base - (base - top) * power / decades_y

    line = " ".join(f"{x(math.log10(position)):.1f},{y(math.log10(count)):.1f}" for position, count in points)
    x_axis = "".join(
        f'<text x="{x(power):.1f}" y="{base + 18}" text-anchor="middle">{10**power:,}</text>'
        for power in range(int(decades_x) + 1)
    )
    y_axis = "".join(
        f'<line x1="{left}" x2="{right}" y1="{y(power):.1f}" y2="{y(power):.1f}"/><text x="{left - 6}" y="{y(power) + 4:.1f}" text-anchor="end">{10**power:,}</text>'
        for power in range(int(decades_y) + 1)
    )
    return (
        f'<svg class=plot viewBox="0 0 {width} {height}" role=img aria-label="Images per species, from the most common to the rarest">{y_axis}{x_axis}'
        f'<polyline points="{line}"/><text x="{right}" y="{height - 2}" text-anchor="end">species, the most common first (logarithmic)</text>'
        f'<text transform="translate(12 {top}) rotate(-90)" text-anchor="end">images of the species (logarithmic)</text></svg>'
    )


def _treemap(root: Node) -> str:
    """The outer levels of a treemap as SVG."""
    width, height = 1000, 520
    boxes = "".join(
        _treemap_box(node, box, depth, branch)
        for node, box, depth, branch in layout(_top_levels(root, 3), width, height, pad=17)
        if box[2] > 1 and box[3] > 1  # smaller than a pixel at the page's full width
    )
    return f'<svg class=treemap viewBox="0 0 {width} {height}" role=img aria-label="Treemap of images">{boxes}</svg>'


def _top_levels(node: Node, depth: int, max_children: int = 60) -> Node:
    """The tree down to a depth; beyond the largest children of a node, boxes would be too small to read."""
    children = node.children if depth else []
    shown = [_top_levels(child, depth - 1) for child in children[:max_children]]
    if rest := children[max_children:]:
        shown.append(Node(f"{len(rest)} more", rest[0].rank, sum(child.images for child in rest)))
    return Node(node.name, node.rank, node.images, shown)


def _treemap_box(node: Node, box: Box, depth: int, branch: int) -> str:
    x, y, w, h = box
    colour = tint(COLOURS[branch % len(COLOURS)], (0.0, 0.45, 0.65)[min(depth, 2)])
    name = label_text(node.name, max(1, int(w / 7.2)))  # a letter of 12 pixels is about 7.2 wide
    label = ""
    if len(name) >= min(5, len(node.name)) and h > 15:
        label = f'<text x="{x + 5:.1f}" y="{y + 13:.1f}" fill="{text_colour(colour)}" class="d{depth}">{escape(name)}</text>'
    title = f"{_text(node.name)}, {node.rank}: {node.images:,} images"
    return f'<g><title>{title}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}"/>{label}</g>'


def _image_strips(images: Images) -> Iterable[str]:
    for kingdom, group in images.items():
        figures = "".join(
            f'<figure><img alt="{_text(title)}" src="data:image/jpeg;base64,{_thumbnail(jpeg)}"><figcaption><bdi>{_text(title)}</bdi></figcaption></figure>'
            for jpeg, title in group
        )
        yield f"<h3><bdi>{_text(kingdom or 'kingdom not given')}</bdi></h3><div class=strip>{figures}</div>"


def _thumbnail(jpeg: bytes, max_side: int = 160) -> str:
    """An image scaled down to fit into a square, as JPEG in Base64."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.thumbnail((max_side, max_side))
        image.convert("RGB").save(out, "JPEG", quality=82)
    return base64.b64encode(out.getvalue()).decode()


def _details(
    numbers: Mapping[str, Any], findings: Sequence[tuple[str, int]], licences: Mapping[str, int]
) -> Iterable[str]:
    if originals := numbers["originals"]:
        width, height = originals["median"]["width"], originals["median"]["height"]
        note = f"<p class=note>Median width {width:,.0f}, median height {height:,.0f} pixels.</p>"
        sides = _table(("pixels", "images"), list(originals["longer_side"].items()))
        yield _section("Original images: longer side", sides + note)
        ratios = _table(("width / height", "images"), list(originals["width_to_height"].items()))
        yield _section("Original images: aspect ratio", ratios)
    reasons = [(reason, sum(by_source.values())) for reason, by_source in numbers["skipped"].items()]
    yield _section("Left out of the dataset", _table(("reason", "images and files"), reasons))
    yield _section("Findings of checks", _table(("finding", "images"), findings))
    if licences:
        yield _section("Licences", _table(("licence", "images"), list(licences.items())))
