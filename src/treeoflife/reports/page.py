"""reports/index.html: one page that needs no other file, no network and no script."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from typing import Any

from ..core.values import RANKS
from .treemap import COLOURS, Node, ink_on, layout, shown, tint

_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Picture:
    """A sample image: its bytes, and what it shows."""

    jpeg: bytes
    title: str


@dataclass(frozen=True)
class Content:
    """All that the page shows.

    Attributes:
        title: the dataset's name.
        numbers: the statistics.
        trees: a tree for each treemap, by its title.
        pictures: sample images by kingdom.
        findings: what checks found: kind, what it means, and images.
        licences: images by licence.
        links: further files, each a name and an address.
    """

    title: str
    numbers: Mapping[str, Any]
    trees: Mapping[str, Node]
    pictures: Mapping[str, Sequence[Picture]]
    findings: Sequence[tuple[str, str, int]]
    licences: Mapping[str, int]
    links: Sequence[tuple[str, str]]


def render(content: Content) -> str:
    """The page as HTML."""
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    parts = [
        _head(content),
        *_overview(content.numbers),
        *(_section(title, _treemap(tree), wide=True) for title, tree in content.trees.items()),
        _section("Some of the images", "".join(_pictures(content.pictures)), wide=True) if content.pictures else "",
        *_details(content),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(content.title)}: report</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="Content-Security-Policy" content="{_CSP}">'
        f"<style>{style}</style></head><body>{parts[0]}<main>{''.join(parts[1:])}</main></body></html>\n"
    )


def _text(value: object, longest: int = 120) -> str:
    return escape(shown(str(value), longest))


def _section(title: str, body: str, *, wide: bool = False) -> str:
    return f"<section{' class=wide' if wide else ''}><h2>{_text(title)}</h2>{body}</section>"


def _head(content: Content) -> str:
    numbers = content.numbers
    facts = [
        ("images", numbers["images"]),
        *((f"{_many(rank)}", numbers["taxa"][rank]) for rank in ("species", "genus", "family", "kingdom")),
    ]
    cards = "".join(f"<div><dd>{value:,}</dd><dt>{name}</dt></div>" for name, value in facts)
    links = " · ".join(f'<a href="{escape(href, quote=True)}">{_text(name)}</a>' for name, href in content.links)
    return f"<header><p class=kicker>treeoflife report</p><h1>{_text(content.title)}</h1><dl>{cards}</dl><nav aria-label=Files>{links}</nav></header>"


def _many(rank: str) -> str:
    return {"species": "species", "genus": "genera", "family": "families", "class": "classes", "phylum": "phyla"}.get(
        rank, f"{rank}s"
    )


def _overview(numbers: Mapping[str, Any]) -> Iterable[str]:
    yield _section("Where images come from", _table(_heads("source"), _rows(numbers["source"])))
    yield _section(
        "Splits",
        _table(_heads("split"), _rows(numbers["split"]))
        + "<p class=note>Every image of train_small is in train too.</p>",
    )
    yield _section("Kingdoms", _table(_heads("kingdom"), _rows(numbers["kingdom"])))
    taxa = [(rank, numbers["named"][rank], numbers["taxa"][rank]) for rank in RANKS]
    yield _section("Ranks", _table(("rank", "images named", "taxa"), taxa))
    yield _section(
        "How deep labels go",
        _table(("lowest rank", "images"), [(rank, count) for rank, count in numbers["depth"].items()]),
    )
    yield _section("The long tail", _tail(numbers["tail"]))


_COUNTED = ("family", "genus", "species")


def _heads(first: str) -> tuple[str, ...]:
    return (first, "images", *(_many(rank) for rank in _COUNTED))


def _rows(table: Mapping[str, Mapping[str, int]], most: int = 20) -> list[tuple[Any, ...]]:
    """The largest, with their taxa; of the others the images alone, since they may share taxa."""
    rows: list[tuple[Any, ...]] = [
        (name or "not given", one["images"], *(one[rank] for rank in _COUNTED)) for name, one in table.items()
    ]
    rest = rows[most:]
    if rest:
        rows = [*rows[:most], (f"{len(rest)} more", sum(row[1] for row in rest), *[None] * len(_COUNTED))]
    return rows


def _table(heads: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """A table whose second column is drawn as bars too."""
    if not rows:
        return "<p class=note>Nothing.</p>"
    most = max((row[1] for row in rows), default=0) or 1
    top = "".join(f"<th scope=col{' class=n' if at else ''}>{_text(head)}</th>" for at, head in enumerate(heads))
    lines = "".join(
        f'<tr><th scope=row><bdi>{_text(row[0])}</bdi><span class=bar style="width:{100 * row[1] / most:.1f}%"></span></th>'
        + "".join(f"<td class=n>{'' if value is None else f'{value:,}'}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _tail(tail: Mapping[str, Any]) -> str:
    if not tail["species"]:
        return "<p class=note>No image is named down to its species.</p>"
    told = (
        f"<p>{tail['species']:,} species; half of the images are of the commonest {tail['half']:,}. "
        f"The species in the middle has {tail['median']:,} images; {tail['once']:,} have but one, {tail['at_most_10']:,} at most ten.</p>"
    )
    return (
        told
        + _rank_plot(tail["points"])
        + _table(("commonest species", "images"), [tuple(row) for row in tail["top"][:6]])
    )


def _rank_plot(points: Sequence[Sequence[int]]) -> str:
    """Images per species by rank, both on logarithmic scales."""
    wide, high, left, low = 560, 240, 56, 36
    right, top = max(math.log10(points[-1][0]), 0.3), max(math.log10(points[0][1]), 0.3)
    at = [
        (
            left + (wide - left - 12) * math.log10(rank) / right,
            (high - low) - (high - low - 12) * math.log10(count) / top,
        )
        for rank, count in points
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    across = "".join(
        f'<text x="{left + (wide - left - 12) * power / right:.1f}" y="{high - low + 18}" text-anchor="middle">{10**power:,}</text>'
        for power in range(int(right) + 1)
    )
    up = "".join(
        f'<line x1="{left}" x2="{wide - 12}" y1="{y:.1f}" y2="{y:.1f}"/><text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10**power:,}</text>'
        for power in range(int(top) + 1)
        for y in [(high - low) - (high - low - 12) * power / top]
    )
    return (
        f'<svg class=plot viewBox="0 0 {wide} {high}" role=img aria-label="Images per species, from the commonest to the rarest">{up}{across}'
        f'<polyline points="{line}"/><text x="{wide - 12}" y="{high - 2}" text-anchor="end">species, the commonest first</text></svg>'
    )


def _treemap(root: Node) -> str:
    """The outer levels of a treemap as SVG."""
    wide, high = 1000, 520
    boxes = [
        _box(node, box, depth, first)
        for node, box, depth, first in layout(_shallow(root, 3), wide, high, pad=17)
        if box[2] > 1 and box[3] > 1
    ]
    return (
        f'<svg class=treemap viewBox="0 0 {wide} {high}" role=img aria-label="Treemap of images">{"".join(boxes)}</svg>'
    )


def _shallow(node: Node, depth: int) -> Node:
    return Node(
        node.name, node.rank, node.images, [_shallow(one, depth - 1) for one in node.children[:60]] if depth else []
    )


def _box(node: Node, box: tuple[float, float, float, float], depth: int, first: int) -> str:
    x, y, w, h = box
    colour = tint(COLOURS[first % len(COLOURS)], (0.0, 0.45, 0.65)[min(depth, 2)])
    name = shown(node.name, max(1, int(w / 7.2)))
    label = ""
    if len(name) >= min(5, len(node.name)) and h > 15:
        label = f'<text x="{x + 5:.1f}" y="{y + 13:.1f}" fill="{ink_on(colour)}" class="d{depth}">{escape(name)}</text>'
    title = f"{_text(node.name)}, {node.rank}: {node.images:,} images"
    return f'<g><title>{title}</title><rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}"/>{label}</g>'


def _pictures(pictures: Mapping[str, Sequence[Picture]]) -> Iterable[str]:
    for kingdom, some in pictures.items():
        figures = "".join(
            f'<figure><img alt="{_text(one.title)}" src="data:image/jpeg;base64,{base64.b64encode(small(one.jpeg)).decode()}"><figcaption><bdi>{_text(one.title)}</bdi></figcaption></figure>'
            for one in some
        )
        yield f"<h3><bdi>{_text(kingdom or 'kingdom not given')}</bdi></h3><div class=strip>{figures}</div>"


def small(jpeg: bytes, side: int = 160) -> bytes:
    """An image at most so wide and high, as JPEG."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        image.thumbnail((side, side))
        image.convert("RGB").save(out, "JPEG", quality=82)
    return out.getvalue()


def _details(content: Content) -> Iterable[str]:
    originals = content.numbers.get("originals") or {}
    if originals:
        median = originals["median"]
        yield _section(
            "Originals: longer side, in pixels",
            _table(("pixels", "images"), list(originals["longer_side"].items()))
            + f"<p class=note>Half are at least {median['width']:,.0f} wide and {median['height']:,.0f} high.</p>",
        )
        yield _section(
            "Originals: width to height", _table(("ratio", "images"), list(originals["width_to_height"].items()))
        )
    skipped = content.numbers.get("skipped") or {}
    yield _section(
        "Left out, and why",
        _table(("reason", "images and files"), [(reason, sum(by.values())) for reason, by in skipped.items()]),
    )
    yield _section(
        "What checks found",
        _table(("finding", "images"), [(what or kind, count) for kind, what, count in content.findings]),
    )
    if content.licences:
        yield _section("Licences", _table(("licence", "images"), list(content.licences.items())))
