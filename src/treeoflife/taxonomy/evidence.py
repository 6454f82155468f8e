"""Evidence: what the sources themselves give for every name key, as ranks and as the name that was written."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import polars as pl

from ..core.values import RANKS
from ..errors import InputError
from ..mapping.ids import joined_keys
from ..sources.base import Source
from .expressions import UPPER, is_nameless
from .parsing import Parser
from .records import clean_ranks, parse_names, with_species
from .tables import TableCount, damaged_text

SCHEMA = {
    "source": pl.String, "name_key": pl.String, **dict.fromkeys(RANKS, pl.String), "context": pl.String,
    "origin": pl.String, "verbatim": pl.String, "uninomial": pl.String, "infraspecific": pl.String,
    "authorship": pl.String, "quality": pl.Int8, "parse": pl.String, "label_common": pl.String, "trouble": pl.String,
}  # fmt: skip
"""The columns of evidence. ``uninomial`` is a name of one word whose rank is not given; ``context`` a kingdom that is
known but not given as a rank; ``origin`` what gave the ranks."""

# Labels are Python objects before they become columns. Batches bound the memory that they take as such.
_LABELS_AT_ONCE = 50_000


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns of SCHEMA; those that it lacks are empty."""
    columns = [
        (pl.col(name).cast(kind) if name in frame.columns else pl.lit(0 if kind == pl.Int8 else "", kind).alias(name))
        for name, kind in SCHEMA.items()
    ]
    return frame.select(columns).with_columns(pl.col(pl.String).fill_null(""), pl.col("quality").fill_null(0))


def name_keys(source: Source, images: pl.DataFrame) -> pl.DataFrame:
    """The distinct name keys of a source's images: ``name_key``, and ``label_key``, which its labels use."""
    if source.name_key == "treeoflife_id":
        # Such a source labels single images, by their natural key.
        return images.select(name_key="treeoflife_id", label_key=joined_keys(images.select(source.key)))
    key = images.select(pl.col(source.name_key).cast(pl.String).alias("name_key")).unique()
    return key.with_columns(label_key="name_key")


def of_pages(
    source: Source, pages: pl.DataFrame, nodes: pl.DataFrame | None, scraped: pl.DataFrame | None, parser: Parser
) -> pl.DataFrame:
    """Evidence for EOL pages: their node of the tree, else the name that was scraped from the page.

    Args:
        source: the source whose images are on these pages.
        pages: the pages, as ``name_key``.
        nodes: EOL's tree, if configured.
        scraped: the names that were scraped from pages, if configured: ``page_id`` and ``scientific_name``.
    """
    pages, parts = pages.select("name_key"), [conform(pl.DataFrame(schema={"name_key": pl.String}))]
    if nodes is not None:
        in_tree = pages.join(_page_nodes(nodes), left_on="name_key", right_on="page", how="inner")
        parts.append(_from(_node_evidence(in_tree, parser), source, "eol"))
        pages = pages.join(in_tree.select("name_key"), on="name_key", how="anti")
    if scraped is not None:
        on_page = pages.join(scraped, left_on="name_key", right_on="page_id", how="inner")
        parts.append(_from(_name_evidence(on_page, "scientific_name", parser), source, "scraped"))
    return pl.concat(parts)


def _from(evidence: pl.DataFrame, source: Source, origin: str) -> pl.DataFrame:
    return conform(evidence.with_columns(source=pl.lit(source.name), origin=pl.lit(origin)))


def _page_nodes(nodes: pl.DataFrame) -> pl.DataFrame:
    """One node for each page: an accepted one before a synonym, then the lowest number."""
    # By the alphabet, "accepted" comes before "synonym".
    paged = nodes.filter(pl.col("page") != "").sort("status", "node")
    several = (pl.len().over("page") > 1) & (pl.col("trouble") == "")
    paged = paged.with_columns(trouble=pl.when(several).then(pl.lit("duplicate")).otherwise("trouble"))
    return paged.unique("page", keep="first", maintain_order=True)


def _own_parts(names: pl.Series, parser: Parser) -> list[pl.Series]:
    """The parts of each row's own name, beside the ranks it was given: ``own_genus``, ``own_species``, and so on."""
    own = {part: f"own_{part}" for part in ("genus", "species", "infraspecific", "authorship")}
    return parse_names(names, parser).rename({**own, "kind": "parse"}).get_columns()


def _node_evidence(nodes: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Evidence from nodes of the tree. A node below the species gets its genus and epithet from its own name."""
    nodes = nodes.with_columns(_own_parts(nodes["name"], parser))
    below = ~pl.col("rank").is_in(list(UPPER)) & (pl.col("own_species") != "") & (pl.col("species") == "")
    unranked = (pl.col("rank") == "") & (pl.col("own_species") == "") & is_nameless()
    return nodes.with_columns(
        species=pl.when(below).then("own_species").otherwise("species"),
        genus=pl.when(below & (pl.col("genus") == "")).then("own_genus").otherwise("genus"),
        infraspecific="own_infraspecific",
        uninomial=pl.when(unranked).then("own_genus").otherwise(pl.lit("")),
        verbatim=pl.concat_str("name", "author", separator=" ").str.strip_chars(),
        authorship="author",
    )


def _name_evidence(names: pl.DataFrame, column: str, parser: Parser) -> pl.DataFrame:
    """Evidence from a name alone. A single word may be of any rank."""
    names = names.with_columns(_own_parts(names[column], parser))
    one_word = pl.col("own_species") == ""
    return names.with_columns(
        genus=pl.when(one_word).then(pl.lit("")).otherwise("own_genus"), species="own_species",
        infraspecific="own_infraspecific", authorship="own_authorship", verbatim=column,
        uninomial=pl.when(one_word).then("own_genus").otherwise(pl.lit("")),
    )  # fmt: skip


def of_labels(source: Source, keys: pl.DataFrame, parser: Parser) -> tuple[pl.DataFrame, TableCount]:
    """Evidence from the source's own labels, for the keys of which it has images: one row per key; and their count.

    Raises:
        InputError: two labels of one key differ.
    """
    parts = [conform(pl.DataFrame(schema={"name_key": pl.String}))]
    rows, used, damaged = 0, 0, list[str]()
    for batch in _label_batches(source):
        labels = batch.join(keys, on="label_key", how="inner")
        rows, used = rows + batch.height, used + labels.select(pl.col("label_key").n_unique()).item()
        damaged = damaged or list(damaged_text(labels))
        parts.append(_from(_label_evidence(labels, parser), source, source.name))
    evidence = pl.concat(parts).unique().sort("name_key", *RANKS, "verbatim")
    _check_one_per_key(source, keys, evidence)
    return evidence, _count_labels(source, rows, used, damaged)


def _check_one_per_key(source: Source, keys: pl.DataFrame, evidence: pl.DataFrame) -> None:
    twice = evidence.filter(pl.col("name_key").is_duplicated()).head(2)
    if twice.height:
        one, other = (" ".join(filter(None, row)) for row in twice.select(*RANKS, "verbatim", "label_common").rows())
        key = keys.filter(name_key=twice["name_key"][0])["label_key"][0]
        raise InputError(f"[sources.{source.name}] labels {key} twice, as '{one}' and as '{other}'; keep one label")


def _count_labels(source: Source, rows: int, used: int, damaged: Sequence[str]) -> TableCount:
    files = ", ".join(path.name for path in source.label_files())
    left_out = {"of no image in the dataset, or labelled the same before": rows - used}
    return TableCount(source.name, files, rows, used, left_out, damaged=tuple(damaged), unit="labels")


def _label_batches(source: Source) -> Iterator[pl.DataFrame]:
    schema = dict.fromkeys(("label_key", *RANKS, "verbatim", "label_common"), pl.String)
    rows = ((label.name_key, *label.taxon, label.scientific_name, label.common) for label in source.labels())
    while batch := list(islice(rows, _LABELS_AT_ONCE)):
        try:
            yield pl.DataFrame(batch, schema=schema, orient="row")
        except (TypeError, UnicodeEncodeError, pl.exceptions.PolarsError):
            wrong = next((row for row in batch if not all(map(_is_text, row))), batch[0])
            raise InputError(
                f"[sources.{source.name}] gives a label that is not of texts in UTF-8: {wrong!a:.300}"
            ) from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _label_evidence(labels: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Ranks as given; a full name fills genus and epithet where the label has none, and adds the ranks below."""
    frame = with_species(clean_ranks(labels, parser), labels["species"], parser)
    frame = frame.with_columns(_own_parts(frame["verbatim"], parser))
    no_genus_or_species = (pl.col("genus") == "") & (pl.col("species") == "")
    has_epithet, below = pl.col("own_species") != "", pl.col("own_infraspecific")
    # The one word may be a rank that the label gives, such as the family of a specimen that nobody determined further.
    is_given_rank = pl.any_horizontal(pl.col(rank) == pl.col("own_genus") for rank in RANKS)
    same_genus = (pl.col("own_genus") == pl.col("genus")) | no_genus_or_species
    return frame.with_columns(
        species=pl.when((pl.col("species") == "") & same_genus).then("own_species").otherwise("species"),
        genus=pl.when(no_genus_or_species & has_epithet).then("own_genus").otherwise("genus"),
        uninomial=pl.when(no_genus_or_species & ~has_epithet & ~is_given_rank).then("own_genus").otherwise(pl.lit("")),
        infraspecific=pl.when(below != "").then(below).otherwise("infraspecific"),
        authorship="own_authorship",
    )


def rank_uninomials(evidence: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each name of one word the rank at which the authorities know it.

    Where no authority knows it, its ending decides: ``-idae`` and ``-aceae`` are families, all others genera.

    Returns:
        The evidence; and ``name_key, source, uninomial, ranks`` of the names that the authorities know at several
        ranks, which stay without one.
    """
    words = evidence.filter(pl.col("uninomial") != "").select("uninomial").unique()
    if words.is_empty():
        return evidence, evidence.select("source", "name_key", "uninomial", pl.lit("").alias("ranks")).clear()
    evidence = evidence.join(_ranks_of(words, tables), on="uninomial", how="left", maintain_order="left")
    fills = [
        pl.when((pl.col("rank") == rank) & (pl.col(rank) == "")).then("uninomial").otherwise(rank).alias(rank)
        for rank in UPPER
    ]
    several = evidence.filter(pl.col("rank").str.contains(",")).rename({"rank": "ranks"})
    return evidence.with_columns(fills).drop("rank"), several.select("source", "name_key", "uninomial", "ranks")


def _ranks_of(words: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``uninomial`` and ``rank``: all ranks at which the authorities know it, joined by commas."""
    matches = [
        words.filter(pl.col("uninomial").is_in(table[rank].unique().implode())).with_columns(rank=pl.lit(rank))
        for rank, table in tables.items()
        if rank != "species"
    ]
    ranks = pl.concat(matches).group_by("uninomial").agg(pl.col("rank").sort().str.join(", "))
    # The endings of family names by the codes of zoology (ICZN, article 29.2) and botany (ICN, article 18.1).
    is_family = pl.col("uninomial").str.contains("(idae|aceae)$")
    by_ending = pl.when(is_family).then(pl.lit("family")).otherwise(pl.lit("genus"))
    return words.join(ranks, on="uninomial", how="left").with_columns(pl.col("rank").fill_null(by_ending))
