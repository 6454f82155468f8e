"""The labels that a source gives itself, as evidence. There may be one for each image, but few of them are distinct.

image_label        see Source.label_table()         where a source gives them as a table
label              label_key, kingdom … species,    the labels as the source gives them
                   verbatim, label_common,
                   name_rank
distinct_label     the same without label_key;      each text once
                   number
key_label          name_key, number                 the labels of the dataset's images
labelled           name_key, evidence, other        the first and the last evidence of each name key; they must be equal
"""

from collections.abc import Iterator
from itertools import islice

import polars as pl

from ...core.database import Database, column
from ...core.values import RANKS
from ...errors import InputError
from ...mapping.natural_keys import joined_sql
from ...sources.base import Source
from ..parsing.parsed_name import INFRAGENERIC, Parser
from ..providers.records import clean_ranks, own_parts, with_species
from ..providers.table_count import TableCount
from ..providers.tables import damaged_text
from .evidence_columns import conform

_NAMES = (*RANKS, "verbatim", "label_common")
_TEXTS = (*_NAMES, "name_rank")
_SCHEMA = pl.Schema(dict.fromkeys(("label_key", *_TEXTS), pl.String))
# Labels are Python objects before they become columns. Batches bound the memory that they take as such.
_LABELS_AT_ONCE = 50_000
_ABOVE_GENUS = RANKS[:5]
# GBIF, iNaturalist and NCBI use more ranks above the genus than anybody lists.
_NO_GENUS = "^([a-z]*(domain|kingdom|phylum|class|legion|cohort|order|family|tribe)|clade|grade)$"
_SAID = {
    "division": "phylum", "infrageneric name": "section", "no rank": "", "unranked": "", "unknown": "", "none": "",
}  # fmt: skip

_DISTINCT = """
    SELECT *, row_number() OVER (
        ORDER BY kingdom, phylum, "class", "order", family, genus, species, verbatim, label_common, name_rank
    ) AS number
    FROM (SELECT DISTINCT * EXCLUDE (label_key) FROM label)
"""
# The labels are numbered first, so that the join with all images carries numbers instead of ten texts.
_OF_KEYS = """
    WITH numbered AS (
        SELECT label_key, number
        FROM label
        JOIN distinct_label
        USING (kingdom, phylum, "class", "order", family, genus, species, verbatim, label_common, name_rank)
    )
    SELECT name_key, number
    FROM name_key
    JOIN numbered USING (label_key)
"""
_IN_USE = """
    SELECT distinct_label.*, labels
    FROM distinct_label
    JOIN (SELECT number, count(*) AS labels FROM key_label GROUP BY number) USING (number)
    ORDER BY number
"""
_LABELLED = """
    SELECT name_key, min(evidence) AS evidence, max(evidence) AS other
    FROM key_label
    JOIN label_evidence USING (number)
    GROUP BY name_key
"""
_TWICE = """
    SELECT label_key, evidence, other
    FROM name_key
    JOIN labelled USING (name_key)
    WHERE evidence <> other
    ORDER BY name_key
    LIMIT 1
"""


def of_labels(source: Source, database: Database, parser: Parser, first: int) -> tuple[pl.DataFrame, TableCount]:
    """Evidence from the source's own labels, for the keys of which it has images; and their count.

    Args:
        database: has the table ``name_key`` of this source; gets the table ``labelled``.
        first: the number of the first evidence.

    Returns:
        The distinct evidence, numbered as ``evidence``.

    Raises:
        InputError: two labels of one key differ.
    """
    _open_labels(source, database)
    database.make("distinct_label", _DISTINCT)
    database.make("key_label", _OF_KEYS)
    labels = database.frame(_IN_USE)
    evidence = label_evidence(labels, parser).with_columns(source=pl.lit(source.name), origin=pl.lit(source.name))
    evidence, numbers = _numbered(conform(evidence), first)
    database.load("label_evidence", labels.select("number").hstack([numbers]))
    database.make("labelled", _LABELLED)
    for key, *numbers_of_key in database.rows(_TWICE):
        one, other = (evidence.row(number - first, named=True) for number in numbers_of_key)
        raise InputError(
            f"[sources.{source.name}] labels {key} twice, as '{_shown(one)}' and as '{_shown(other)}'; keep one label"
        )
    damaged = damaged_text(labels.select(_NAMES), counts=labels["labels"])
    return evidence, _count_labels(source, database, tuple(damaged))


def _open_labels(source: Source, database: Database) -> None:
    """Make the table ``label``."""
    if not source.label_table(database):
        database.spool("label", _label_batches(source), _SCHEMA)
        return
    given: dict[str, str | None] = dict.fromkeys(RANKS)
    given |= {"verbatim": "scientific_name", "label_common": "common_name"}
    texts = ", ".join(f"coalesce({column(own or name)}, '') AS {column(name)}" for name, own in given.items())
    has_rank = any(name == "taxon_rank" for name, *_ in database.rows("DESCRIBE image_label"))
    texts += ", coalesce(taxon_rank, '') AS name_rank" if has_rank else ", '' AS name_rank"
    natural_key = joined_sql({name: source.columns[name] for name in source.key})
    database.run(f"CREATE OR REPLACE VIEW label AS SELECT {natural_key} AS label_key, {texts} FROM image_label")


def _numbered(evidence: pl.DataFrame, first: int) -> tuple[pl.DataFrame, pl.Series]:
    """The distinct evidence with its numbers, and the number of each row."""
    columns = [name for name in evidence.columns if name != "evidence"]
    ordered = list(dict.fromkeys((*RANKS, "verbatim", *columns)))
    distinct = evidence.select(columns).unique().sort(ordered).with_row_index("evidence", first)
    numbers = evidence.drop("evidence").join(distinct, on=columns, how="left", maintain_order="left")["evidence"]
    return conform(distinct), numbers


def _shown(evidence: dict[str, str]) -> str:
    return " ".join(filter(None, (evidence[name] for name in _NAMES)))


def _count_labels(source: Source, database: Database, damaged: tuple[str, ...]) -> TableCount:
    rows, used = database.value("SELECT count(*) FROM label"), database.value("SELECT count(*) FROM labelled")
    files = ", ".join(path.name for path in source.label_files())
    left_out = {"of no image in the dataset, or labelled the same before": rows - used}
    return TableCount(source.name, files, rows, used, left_out, damaged=damaged, unit="labels")


def _label_batches(source: Source) -> Iterator[pl.DataFrame]:
    rows = (
        (label.name_key, *label.taxon, label.scientific_name, label.common, label.rank) for label in source.labels()
    )
    while batch := list(islice(rows, _LABELS_AT_ONCE)):
        try:
            yield pl.DataFrame(batch, schema=_SCHEMA, orient="row").with_columns(pl.col(_TEXTS).fill_null(""))
        except (TypeError, UnicodeEncodeError, pl.exceptions.PolarsError):
            wrong = next((row for row in batch if not all(map(_is_text, row))), batch[0])
            raise InputError(
                f"[sources.{source.name}] gives a label that is not of texts in UTF-8: {wrong!a:.300}"
            ) from None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def label_evidence(labels: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Ranks as given; a full name fills genus and epithet where the label has none, and adds the ranks below.

    A species that is none, such as ``Felidae``, is the full name of a label that has no other and no genus.
    A name of a rank above the species, as the label says, is no genus: it stands at its own rank, or as a ``word``.
    """
    frame = with_species(clean_ranks(labels, parser), labels["species"], parser)
    # People write what an animal was determined as into a column of species, be it Felidae or Panthera sp.
    is_higher = (pl.col("verbatim") == "") & (pl.col("genus") == "") & (pl.col("species") == "")
    species = labels["species"].replace("not_classified", "")  # BIOSCAN's word for none
    frame = frame.with_columns(verbatim=pl.when(is_higher).then(species).otherwise("verbatim"))
    frame = frame.with_columns(own_parts(frame["verbatim"], parser)).with_columns(said=_said_rank())
    no_genus_or_species = (pl.col("genus") == "") & (pl.col("species") == "")
    has_epithet, below = pl.col("own_species") != "", pl.col("own_infraspecific")
    is_part = pl.col("said").is_in(sorted(INFRAGENERIC))
    is_other = pl.col("said").str.contains(_NO_GENUS) | is_part
    # In Bombus (Pyrobombus), Quercus ser. Albae and the complex of Anopheles gambiae, the first word is the genus.
    is_genus_of_part = is_part & (has_epithet | (pl.col("form_rank") == "genus"))
    names_genus = (has_epithet & ~is_other) | is_genus_of_part | (pl.col("said") == "genus")
    # The one word may be a rank that the label gives, such as the family of a specimen that nobody determined further.
    is_given_rank = pl.any_horizontal(pl.col(rank) == pl.col("own_genus") for rank in RANKS)
    same_genus = (pl.col("own_genus") == pl.col("genus")) | no_genus_or_species
    is_free = no_genus_or_species & ~names_genus & ~is_given_rank
    is_word = is_free & is_other & ~pl.col("said").is_in(list(RANKS))
    return frame.with_columns(
        *(_with_own_name(rank) for rank in _ABOVE_GENUS),
        species=pl.when((pl.col("species") == "") & same_genus & ~is_other).then("own_species").otherwise("species"),
        genus=pl.when(no_genus_or_species & names_genus).then("own_genus").otherwise("genus"),
        uninomial=pl.when(is_free & ~is_other).then("own_genus").otherwise(pl.lit("")),
        word=pl.when(is_word).then("own_genus").otherwise(pl.lit("")),
        word_ranks=pl.when(is_word).then("said").otherwise(pl.lit("")),
        infraspecific=pl.when(below != "").then(below).otherwise("infraspecific"),
        authorship="own_authorship",
    )


def _said_rank() -> pl.Expr:
    """The rank of the full name: what the label says, in lower case with spaces, or else what the name itself does."""
    said = pl.col("name_rank").str.to_lowercase().str.replace_all("[_ ]+", " ").str.strip_chars()
    said = said.replace(_SAID)
    return pl.when(said != "").then(said).otherwise("form_rank")


def _with_own_name(rank: str) -> pl.Expr:
    """The column of a rank; the full name fills it if it is of this rank."""
    return pl.when((pl.col("said") == rank) & (pl.col(rank) == "")).then("own_genus").otherwise(rank).alias(rank)
