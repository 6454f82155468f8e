"""What check-taxa says of catalogs, how many images it concerns, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from treeoflife.config.tables import Checks
from treeoflife.core.values import NAME_COLUMNS, RANKS
from treeoflife.taxonomy.checks.check_taxa import TaxaFinding, check_taxa, known_genera, read_catalog
from treeoflife.taxonomy.checks.near_spellings import find_near

Lineage = tuple[str, ...]

BEAR = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Ursidae", "Ursus", "arctos", "brown bear")
GECKO = ("Animalia", "Chordata", "Reptilia", "Squamata", "Gekkonidae", "Gekko", "gecko", "tokay")


def check(tmp_path: Path, rows: Mapping[Lineage, int], genera: Sequence[str] = ()) -> dict[str, TaxaFinding]:
    """The findings by kind, in a catalog in which each of the names has so many images."""
    named = [name for name, count in rows.items() for _ in range(count)]
    catalog = tmp_path / "catalog.csv"
    pl.DataFrame(named, schema=dict.fromkeys(NAME_COLUMNS, pl.String), orient="row").write_csv(catalog)
    return {one.kind: one for one in check_taxa(catalog, Checks().kingdoms, genera)}


def changed(lineage: Lineage, **ranks: str) -> Lineage:
    return tuple(ranks.get(name, value) for name, value in zip(NAME_COLUMNS, lineage, strict=True))


def test_a_good_catalog_has_no_findings(tmp_path: Path) -> None:
    tautonym = ("Animalia", "Chordata", "Aves", "Anseriformes", "Anatidae", "Anser", "anser", "greylag goose")
    assert check(tmp_path, {BEAR: 2, GECKO: 1, tautonym: 3, changed(BEAR, species="maritimus"): 1}) == {}


def test_a_species_under_two_lineages_is_found_with_all_of_its_images(tmp_path: Path) -> None:
    other = changed(GECKO, **{"class": "Lepidosauria"})
    finding = check(tmp_path, {GECKO: 3, other: 2, BEAR: 4})["species-under-two"]
    assert finding.images == 5
    lineages = ("Animalia Chordata Lepidosauria Squamata Gekkonidae", "Animalia Chordata Reptilia Squamata Gekkonidae")
    assert finding.examples == (f"Gekko gecko: {' | '.join(lineages)} (5)",)
    assert "[names] backbone" in finding.hint


def test_a_hole_makes_a_second_lineage(tmp_path: Path) -> None:
    assert check(tmp_path, {GECKO: 3, changed(GECKO, order=""): 2})["species-under-two"].images == 5


def test_one_alga_in_two_kingdoms_is_found_and_homonyms_are_not(tmp_path: Path) -> None:
    alga = ("Plantae", "Ochrophyta", "Phaeophyceae", "Fucales", "Fucaceae", "Fucus", "vesiculosus", "bladderwrack")
    assert check(tmp_path, {alga: 1, changed(alga, kingdom="Chromista"): 1})["species-under-two"].images == 2
    bird = ("Animalia", "Chordata", "Aves", "Passeriformes", "Prunellidae", "Prunella", "vulgaris", "a bird")
    herb = ("Plantae", "Tracheophyta", "Magnoliopsida", "Lamiales", "Lamiaceae", "Prunella", "vulgaris", "self-heal")
    assert "species-under-two" not in check(tmp_path, {bird: 1, herb: 1})


def test_a_genus_that_nobody_knows_is_found(tmp_path: Path) -> None:
    rows = {changed(GECKO, genus="Tachinini", family="Tachinidae"): 2, changed(GECKO, genus="Gekkoides"): 1, BEAR: 1}
    finding = check(tmp_path, rows)["unknown-genus"]
    assert (finding.images, finding.examples) == (3, ("Tachinini is known as tribe (2)", "Gekkoides (1)"))
    assert check(tmp_path, rows, ["Gekkoides"])["unknown-genus"].images == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("class", "Unknown"), ("family", "(not_classified)"), ("genus", "nan"), ("species", "sp. BOLD:AAA1234"),
     ("common", "unidentified"), ("order", "Incertae sedis"), ("species", "cf. gecko")],
)  # fmt: skip
def test_placeholders_are_found_in_any_column(tmp_path: Path, column: str, value: str) -> None:
    finding = check(tmp_path, {changed(GECKO, **{column: value}): 2, BEAR: 1})["placeholder"]
    assert finding.images == 2
    assert value in finding.examples[0]


def test_a_near_spelling_is_found_with_the_images_of_the_rarer_one(tmp_path: Path) -> None:
    finding = check(tmp_path, {BEAR: 5, changed(BEAR, species="arctus"): 2, GECKO: 9})["near-species"]
    assert (finding.images, finding.examples) == (2, ("Ursus arctus, near Ursus arctos of 5 images (2)",))
    assert "mark" in finding.hint


def test_a_genus_near_a_known_one_of_its_family_is_found_however_frequent(tmp_path: Path) -> None:
    rows = {
        changed(BEAR, genus="Melursus", species="ursinus"): 1,
        changed(BEAR, genus="Melurssus", species="ursinus"): 4,
    }
    finding = check(tmp_path, rows)["near-genus"]
    assert (finding.images, finding.examples) == (4, ("Melurssus, near Melursus of 1 images (4)",))
    assert "near-genus" not in check(tmp_path, rows, ["Melurssus"])


@pytest.mark.parametrize(
    ("one", "other"),
    [("arctos", "arctus"), ("nipalensis", "nipalense"), ("smithi", "smithii"), ("sylvatica", "silvaticus"),
     ("caespitosa", "cespitosa"), ("mitchelli", "mitcheli"), ("punctatus", "puncttata"), ("phoeniceus", "feniceus"),
     ("foliaceus", "foliacea"), ("japonicum", "japponica"), ("hudsonius", "hudsonjus"), ("europaeus", "europeus"),
     ("rongjiangensis", "rongjaingensis"), ("tridactyla", "tridactla")],
)  # fmt: skip
def test_near_spellings(one: str, other: str) -> None:
    names = pl.DataFrame({"group": "Genus", "name": [one, other, "farawayensis"], "weight": [2, 1, 1]})
    assert find_near(names).rows() == [("Genus", other, one)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("major", "minor"), ("macrocarpa", "microcarpa"), ("alba", "alta"), ("fascipennis", "fuscipennis"),
     ("densifolium", "ensifolium"), ("longiceps", "longipes"), ("anser", "answer"), ("orientalis", "occidentalis")],
)  # fmt: skip
def test_different_names(one: str, other: str) -> None:
    assert find_near(pl.DataFrame({"group": "Genus", "name": [one, other], "weight": [2, 1]})).is_empty()


def test_near_spellings_of_different_groups_are_none() -> None:
    assert find_near(
        pl.DataFrame({"group": ["A", "B"], "name": ["sylvatica", "silvatica"], "weight": [2, 1]})
    ).is_empty()


def test_train_small_is_not_counted_twice(tmp_path: Path) -> None:
    path = tmp_path / "catalog.parquet"
    rows = pl.DataFrame([BEAR, BEAR], schema=dict.fromkeys(NAME_COLUMNS, pl.String), orient="row")
    rows.with_columns(split=pl.Series(["train", "train_small"])).write_parquet(path)
    assert read_catalog(path).collect().height == 1


def test_genera_are_known_if_an_authority_has_them_or_a_provider_does(tmp_path: Path) -> None:
    def row(genus: str, giver: str, kingdom_from: str) -> dict[str, str]:
        return {"genus": genus, "genus_from": giver, **{f"{rank}_from": "" for rank in RANKS if rank != "genus"}} | {
            "kingdom_from": kingdom_from
        }

    names = tmp_path / "names.parquet"
    pl.DataFrame(
        [row("Aus", "photos", "photos"), row("Bus", "photos", "itis:genus"), row("Cus", "gbif", "gbif"),
         row("Dus", "photos", "several:genus"), row("Eus", "photos", "col:species"), row("Fus", "photos", "col:family")]
    ).write_parquet(names)  # fmt: skip
    assert known_genera(names, {"photos": {"kind": "folder"}, "gbif": {}}) == ["Bus", "Cus", "Eus"]
    assert known_genera(tmp_path / "none.parquet", {}) == []
