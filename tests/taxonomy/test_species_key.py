"""A species has one key, however it is written on a list, in columns and in the texts of a shard."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeoflife.core.values import Taxon
from treeoflife.taxonomy.species_key import column_keys, species_key, species_keys, species_name

SIGNS = ("", "×", "× ", "x", "x ")
RANKS = ("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Rosaceae")
GENERA = st.from_regex(r"[A-Z][a-z]{2,9}", fullmatch=True).filter(lambda word: word.lower().strip("x"))
EPITHETS = st.from_regex(r"[a-z]{3,9}(-[a-z]{3,9})?", fullmatch=True).filter(lambda word: word.split("-")[0].strip("x"))


@st.composite
def names(draw: st.DrawFn) -> tuple[str, str]:
    """Genus and epithet, with the sign of a hybrid before either or neither."""
    signs = draw(st.sampled_from([(one, other) for one in SIGNS for other in SIGNS if not (one and other)]))
    return signs[0] + draw(GENERA), signs[1] + draw(EPITHETS)


def spellings(genus: str, epithet: str) -> list[str]:
    """The supported ways of writing a species."""
    plain = f"{genus} {epithet}"
    ranked = [joint.join((*RANKS, genus, epithet)) for joint in (" ", "-", "_", "|", "; ", ">")]
    return [
        plain, plain.lower(), plain.upper(), plain.replace(" ", "_"), f" {genus}  {epithet} ",
        f"{plain} Linnaeus", f"{plain} (L.) Spreng.", f"{plain} minor", f"{plain} subsp. minor (L.) X. Smith",
        f"{genus} (Subgenus) {epithet} (Linnaeus, 1758)",
        f"'{plain}'", f"“{plain}”", f"«{plain}»", f"‘{plain} (L.)’", f"\ufeff{genus} \u200b{epithet}\u200b",
        f"{plain[:-2]}\u00ad{plain[-2:]}",
        *ranked, ranked[1].lower(), f"{ranked[1]} minor", f"00012_{ranked[2]}", f"Plantae-----{genus}-{epithet}",
    ]  # fmt: skip


@given(names())
def test_every_spelling_has_the_key_of_the_columns_and_of_the_text_in_a_shard(name: tuple[str, str]) -> None:
    genus, epithet = name
    table = pl.DataFrame({"genus": [genus, genus], "species": [epithet, f"{epithet} minor"]})
    expected = species_key(Taxon(genus=genus, species=epithet).scientific_name)
    assert expected
    assert column_keys(table).to_list() == [expected, expected]
    texts = spellings(genus, epithet)
    assert dict(zip(texts, species_keys(pl.Series(texts)), strict=True)) == dict.fromkeys(texts, expected)


def test_marks_around_a_name_are_none_of_it_but_those_of_a_cultivar_are() -> None:
    assert species_key("'Rosa canina'") == "rosa canina"
    assert species_key("Rosa 'Peace'") == "rosa 'peace'"
    assert species_key("Hebe ‘mary’") == "hebe ‘mary’"


@given(names(), names())
def test_other_species_have_other_keys(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Hybrids are compared by their names alone, and a leading x does not count."""
    bare = [" ".join(word.lstrip("×x ").lower().lstrip("x") for word in name) for name in (one, other)]
    assert (species_key(" ".join(one)) == species_key(" ".join(other))) == (bare[0] == bare[1])


@given(st.text())
def test_any_text_has_a_key_or_none(text: str) -> None:
    assert species_keys(pl.Series([text])).to_list() == [species_key(text)]


@pytest.mark.parametrize("text", ["", " ", "Panthera", "------", "×", "x", "Panthera x", "× ×", "1 2"])
def test_a_text_that_names_no_species_has_no_key(text: str) -> None:
    assert species_key(text) is None


def test_a_name_keeps_the_x_of_an_epithet_and_loses_the_sign_of_a_hybrid() -> None:
    assert [species_name(text) for text in ("Rosa xanthina", "Rosa × xanthina", "xFatshedera lizei")] == [
        "rosa xanthina",
        "rosa xanthina",
        "fatshedera lizei",
    ]


def test_columns_without_genus_or_epithet_have_no_key() -> None:
    """They may be null or empty; of no row at all there is no key either."""
    table = pl.DataFrame({"genus": ["Panthera", None, "", "Panthera"], "species": [None, "leo", "leo", ""]})
    assert column_keys(table).to_list() == [None] * 4
    assert column_keys(table.clear()).to_list() == []


@pytest.mark.parametrize(
    "text",
    [
        "Quercus × robur", "Quercus ×robur", "Quercus x robur", "Quercus X robur", "Quercus_×_robur", "Quercus_x_robur",
        "Quercus-×-robur", "Quercus-x-robur", "Quercus-×robur", "QUERCUS × ROBUR", "quercus x robur", "Quercus xrobur",
        "Quercus × robur L.", "Quercus (Quercus) × robur", "Quercus\u00a0×\u00a0robur", "Quercus ✕ robur",
        "Quercus х robur", "Quercus &times; robur", "Quercus Ã— robur", "Quercus * robur", "Quercus nothosp. robur",
        "Quercus cf. robur", "Quercus aff. robur",
        "Plantae-Tracheophyta-Magnoliopsida-Fagales-Fagaceae-Quercus-×-robur",
        "Plantae_Tracheophyta_Magnoliopsida_Fagales_Fagaceae_Quercus_×_robur", "× Quercus robur", "×Quercus robur",
        "xQuercus robur", "+Quercus robur", "+ Quercus robur", "X Quercus robur",
    ],
)  # fmt: skip
def test_a_hybrid_has_one_key_however_its_sign_is_written(text: str) -> None:
    assert species_key(text) == "quercus robur"
    assert species_name(text) in ("quercus robur", "quercus xrobur")


@pytest.mark.parametrize(
    "text",
    [
        "Quercus robur × Quercus petraea", "Quercus petraea x Quercus robur", "Quercus robur × Q. petraea",
        "Quercus robur × petraea", "Quercus robur L. × Quercus petraea (Matt.) Liebl.", "QUERCUS ROBUR X PETRAEA",
        "Quercus_robur_x_Quercus_petraea", "quercus robur x quercus petraea", "Quercus petraea ×robur",
        "Plantae Tracheophyta Magnoliopsida Fagales Fagaceae Quercus robur × petraea",
    ],
)  # fmt: skip
def test_the_formula_of_a_hybrid_is_no_parent_of_it(text: str) -> None:
    """Else a list that holds out the hybrid would hold out all images of a parent."""
    assert species_key(text) == "quercus petraea × quercus robur"


def test_the_formula_in_columns_has_the_key_of_the_text() -> None:
    table = pl.DataFrame({"genus": ["Anser", "Anser"], "species": ["anser × Branta canadensis", "anser"]})
    assert column_keys(table).to_list() == [species_key("Branta canadensis x Anser anser"), "anser anser"]


@pytest.mark.parametrize("text", ["×Sorbaronia", "x Sorbaronia", "Carex ×", "+Laburnocytisus", "Quercus cf."])
def test_a_genus_alone_is_no_species_with_the_sign_of_a_hybrid(text: str) -> None:
    assert species_key(text) is None
