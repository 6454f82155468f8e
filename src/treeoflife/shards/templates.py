"""Captions from templates such as ``a photo of {common}, a {rank_name} of the family {family}.``, rendered in SQL.

A placeholder is a plain name in braces; ``{{`` and ``}}`` are braces. Whatever Python's format strings know beyond
that, such as attributes, indexes and conversions, is refused.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from string import Formatter

import polars as pl

from ..core.database import quoted
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..errors import ConfigError
from .captions import END_MARKS

NAME_PLACEHOLDERS = (*RANKS, "common", "scientific", "taxonomic", "tagged", "lowest", "rank_name")
"""What templates know of a name: the seven ranks; the common name; genus and epithet; all known ranks, alone and each
after its rank; the name at the lowest known rank, as captions have it; and what that rank is called."""

Part = tuple[str, str]
"""A text, and the placeholder after it; empty if there is none."""


def parse_template(where: str, template: str, known: Collection[str]) -> list[Part]:
    """The texts and placeholders of a template.

    Args:
        where: what messages call it.
        known: the placeholders that there are.

    Raises:
        ConfigError: it is empty, has several lines or a placeholder that is not known, or its braces do not match.

    >>> parse_template("a template", "a {rank_name} of {{{family}}}", NAME_PLACEHOLDERS)
    [('a ', 'rank_name'), (' of {', 'family'), ('}', '')]
    """
    if not template.strip() or not template.isprintable():
        raise ConfigError(f"{where}: {template!r:.80} is empty, or has line breaks or other control characters")
    try:
        fields = [(text, name, bool(format_) or conversion is not None)
                  for text, name, format_, conversion in Formatter().parse(template)]  # fmt: skip
    except ValueError as error:
        raise ConfigError(f"{where}: {template!r:.80} is no template: {error}; write {{{{ for a brace") from None
    parts = list[Part]()
    held = ""
    for text, name, is_formatted in fields:
        held += text
        if name is None:
            continue
        if is_formatted or name not in known:
            raise ConfigError(f"{where}: {_unknown(name, known)}")
        parts.append((held, name))
        held = ""
    return [*parts, (held, "")] if held else parts


def _unknown(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    meant = f" ({{{near[0]}}}?)" if near else ""
    return (
        f"there is no placeholder {{{name:.60}}}{meant}; there are {', '.join(known)}; a column of the sources' tables "
        "is one too, once it is among columns in [wds], and a plain name in braces is all that there may be"
    )


def caption_sql(templates: Sequence[Sequence[Part]], values: Mapping[str, str]) -> str:
    """SQL for the caption of the first template all of whose placeholders have a value; null if there is none.

    A template that ends in a dot gives a caption that ends in one, even if a name before it does: see
    :func:`.captions.as_sentence`.

    Args:
        values: SQL for the value of each placeholder, null where there is none.
    """
    cases = []
    for parts in templates:
        used = dict.fromkeys(name for _, name in parts if name)
        has_all = " AND ".join(f"{values[name]} IS NOT NULL" for name in used) or "true"
        pieces = [piece for text, name in parts for piece in (quoted(text), *([values[name]] if name else []))]
        text = f"concat({', '.join(pieces)})"
        if parts[-1][0].endswith(".") and not parts[-1][1]:
            text = f"rtrim({text}, {quoted(END_MARKS)}) || '.'"
        cases.append(f"WHEN {has_all} THEN {text}")
    return f"CASE {' '.join(cases)} END"


def placeholder_values(names: pl.DataFrame) -> pl.DataFrame:
    """:data:`NAME_PLACEHOLDERS` of each name, null where it has none.

    Args:
        names: the ranks and the common name, none of them null.

    >>> leo = dict(zip(NAME_COLUMNS, ["Animalia", "", "", "", "", "Panthera", "leo", ""], strict=True))
    >>> placeholder_values(pl.DataFrame([leo])).row(0, named=True)["rank_name"]
    'species'
    """
    rows = [_values_of(Taxon(*ranks), common) for *ranks, common in names.select(NAME_COLUMNS).iter_rows()]
    return pl.DataFrame(rows, dict.fromkeys(NAME_PLACEHOLDERS, pl.String), orient="row")


def _values_of(taxon: Taxon, common: str) -> list[str | None]:
    known = [(rank, name) for rank, name in zip(RANKS, taxon, strict=True) if name]
    tagged = " ".join(f"{rank} {name}" for rank, name in known)
    rank_name = known[-1][0] if known else ""
    texts = (*taxon, common, taxon.scientific_name, taxon.taxonomic_name, tagged, taxon.lowest_name, rank_name)
    return [text or None for text in texts]
