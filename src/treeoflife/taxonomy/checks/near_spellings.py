"""Names that are written nearly like another one of the same group: epithets of a genus, genera of a family.

Two names are near

* if they are the same but for what the code of zoological names deems the same spelling (ICZN, article 58): ae, oe and
  e; y and i; k and c; ph and f; double letters; -i and -ii; or but for the ending that an adjective takes after its
  genus: -us, -os, -a, -um, -on, -is, -e;
* or if one letter is missing, added, replaced or swapped with the next. Most short names that differ so are different
  taxa, and so are those that differ in the first letter, macro- and micro-, fasci- and fusci-: they are left out.

Names are compared by keys that near names share, and not in pairs: a genus may have thousands of species. Of 580,517
species in NCBI's taxonomy 683 are near another one; many of these are one taxon, as Delichon nipalense and nipalensis.
"""

from collections.abc import Iterator

import polars as pl

_SHORTEST = 6
"""Letters that a name must have for one of them to differ."""
_ENDING = r"(?:us|a|um|is|e|os|on)$"
_LETTERS = {
    "ae": "e",
    "oe": "e",
    "ph": "f",
    "y": "i",
    "k": "c",
    **{2 * one: one for one in "abcdefghijklmnopqrstuvwxz"},
}
_PREFIXES = {"macr": "micr", "fasc": "fusc"}
_ROWS_AT_ONCE = 50_000


def find_near(names: pl.DataFrame) -> pl.DataFrame:
    """The names that are near one of more weight; of those of equal weight, near the first by the alphabet.

    Args:
        names: distinct ``group`` and ``name``, and a ``weight``, such as the number of images.

    Returns:
        ``group``, ``name`` and ``near``, the near name of most weight; a row for each such name.

    >>> bears = pl.DataFrame({"group": "Ursus", "name": ["arctos", "arctus", "maritimus"], "weight": [50, 2, 9]})
    >>> find_near(bears).rows()
    [('Ursus', 'arctus', 'arctos')]
    """
    several = names.filter(pl.len().over("group") > 1).sort("group", "name")
    pairs = pl.concat([_pairs(part) for part in _parts(several)]).unique()
    near = several.select("group", near="name", near_weight="weight")
    known = pairs.join(several, on=["group", "name"]).join(near, on=["group", "near"])
    is_lighter = (pl.col("weight") < pl.col("near_weight")) | (
        (pl.col("weight") == pl.col("near_weight")) & (pl.col("name") > pl.col("near"))
    )
    best = known.filter(is_lighter).sort("group", "name", -pl.col("near_weight").cast(pl.Int64), "near")
    return best.unique(["group", "name"], keep="first", maintain_order=True).select("group", "name", "near")


def _parts(names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The names in parts with whole groups: each name has a key per letter, which bounds the memory that they take."""
    numbered = names.select("group", "name", part=pl.int_range(pl.len()).first().over("group") // _ROWS_AT_ONCE)
    yield numbered.clear().drop("part")
    yield from numbered.partition_by("part", maintain_order=True, include_key=False)


def _pairs(names: pl.DataFrame) -> pl.DataFrame:
    """Near names of a group as ``name`` and ``near``, each pair in both orders."""
    folded = names.with_columns(key=_folded(pl.col("name").str.replace(_ENDING, ""), _LETTERS))
    alike = _with_equal(folded, "key", folded)
    long = names.filter(pl.col("name").str.len_chars() >= _SHORTEST)
    pairs = pl.concat([alike, *_one_letter_apart(long)])
    return pl.concat([pairs, pairs.select("group", name="near", near="name")])


def _folded(text: pl.Expr, letters: dict[str, str]) -> pl.Expr:
    return text.str.replace_many(list(letters), list(letters.values()))


def _with_equal(names: pl.DataFrame, key: str, others: pl.DataFrame) -> pl.DataFrame:
    """The pairs of different names of a group that have the same key."""
    pairs = names.select("group", key, "name").join(others.select("group", key, near="name"), on=["group", key])
    return pairs.filter(pl.col("name") != pl.col("near")).select("group", "name", "near")


def _one_letter_apart(names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The pairs of names of which one letter is replaced; missing or added; swapped with the next."""
    place, letters = pl.col("place"), pl.col("name").str
    # The first letter has no key: it is what sets many names of the same ending apart.
    keyed = names.with_columns(place=pl.int_ranges(1, letters.len_chars())).explode("place")
    before, after = letters.slice(0, place), letters.slice(place + 1)
    replaced = keyed.with_columns(key=before + "?" + after)
    pairs = _with_equal(replaced, "key", replaced)
    prefixes = (_folded(pl.col(name), _PREFIXES) for name in ("name", "near"))
    yield pairs.filter(next(prefixes) != next(prefixes))
    plain = names.with_columns(key="name")
    yield _with_equal(keyed.with_columns(key=before + after), "key", plain)
    swapped = before + letters.slice(place + 1, 1) + letters.slice(place, 1) + letters.slice(place + 2)
    yield _with_equal(keyed.with_columns(key=swapped), "key", plain)
