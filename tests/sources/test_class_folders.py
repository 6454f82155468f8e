"""A folder without a table: the folders of the images name them, where they read as names, and nothing is guessed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, sentence
from treeoflife.core.values import Label, Taxon
from treeoflife.sources.folder import Folder
from treeoflife.sources.photographs.class_folders import ClassFolders
from treeoflife.sources.photographs.folder_names import read_folder_name
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_picture


def folder_of(path: Path, files: Sequence[str]) -> Folder:
    """A folder with these files and no table, and its source."""
    for name in files:
        (path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "photos" / name).write_bytes(name.encode())
    source = load_source("photos", {"kind": "folder", "path": "photos"}, path)
    assert isinstance(source, Folder)
    return source


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Turdus_merula", "Turdus merula"), ("Turdus merula", "Turdus merula"), ("Turdus-merula", "Turdus merula"),
        ("turdus_merula", "Turdus merula"), ("001.Turdus_merula", "Turdus merula"), ("12 - Apus apus", "Apus apus"),
        ("Turdus_merula_2", "Turdus merula"), ("Turdus merula (3)", "Turdus merula"),
        ("Arctostaphylos_uva-ursi", "Arctostaphylos uva-ursi"), ("Capsella-bursa-pastoris", "Capsella bursa-pastoris"),
        ("Fragaria_x_ananassa", "Fragaria x ananassa"), ("Zea_mays", "Zea mays"), ("Viscum album", "Viscum album"),
        ("Parus major subsp. newtoni", "Parus major subsp. newtoni"), ("Quercus robur L.", "Quercus robur L."),
        ("Turdus merula Linnaeus, 1758", "Turdus merula Linnaeus, 1758"), ("Picea abies", "Picea abies"),
        ("Parus (Parus) major", "Parus (Parus) major"), ("Turdus cf. merula", "Turdus cf. merula"),
    ],
)  # fmt: skip
def test_a_folder_called_by_a_species_gives_its_name(folder: str, name: str) -> None:
    read = read_folder_name(folder)
    assert read
    assert read.scientific_name == name


@pytest.mark.parametrize(
    "folder",
    [
        "IMG_2024", "photos", "unsorted", "train", "val", "100CANON", "DCIM", "2024-05-01", "2024", "New folder",
        "Neuer Ordner", "Great Tit", "Great tit", "001.Black_footed_Albatross", "Blue whale", "House sparrow",
        "Summer pictures", "Holiday in Spain", "costa_rica", "n01440764", "test_data", "Garden birds", "red_fox", "cat",
        "Camera Roll", "unknown", "Unidentified", "no name", "site_a", "part1", "...", "Wedding album",
    ],
)  # fmt: skip
def test_a_folder_called_otherwise_gives_none(folder: str) -> None:
    assert read_folder_name(folder) is None


def test_folders_of_inat21_give_their_ranks() -> None:
    taxon = Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "")
    ranks = "Animalia_Chordata_Aves_Passeriformes_Turdidae_Turdus_merula"
    for folder in (f"00021_{ranks}", ranks):
        name = read_folder_name(folder)
        assert name
        assert (name.taxon, name.scientific_name) == (taxon, "Turdus merula")
    name = read_folder_name("00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi")
    assert name
    assert (name.taxon.phylum, name.taxon.class_, name.scientific_name) == ("", "Liliopsida", "Poa uva-ursi")


def label_in(path: str, *others: str) -> Label | None:
    return ClassFolders.of([path, *others]).label(path)


def test_the_lowest_folder_with_a_name_decides_and_those_above_fill_ranks() -> None:
    label = label_in("Aves/Passeriformes/Turdidae/Turdus merula/nest/1.jpg")
    assert label
    assert label.scientific_name == "Turdus merula"
    assert (label.taxon.class_, label.taxon.order, label.taxon.family) == ("Aves", "Passeriformes", "Turdidae")


@pytest.mark.parametrize(
    "path", ["Turdidae/Aves/Turdus merula/1.jpg", "Aves/Mammalia/Turdus merula/1.jpg", "Pica/Turdus merula/1.jpg"]
)
def test_folders_above_that_contradict_each_other_or_the_name_fill_no_rank(path: str) -> None:
    label = label_in(path, "Pica pica/2.jpg")
    assert label
    assert label.scientific_name == "Turdus merula"
    assert not any(label.taxon)


OF_OTHERS = """
Anna_maria Sao_paulo Canon_eos Costa_rica Porto_alegre New_york Los_angeles Nikon_coolpix Sony_alpha Villa_maria
Santa_barbara Casa_rosa Luca_rossi Hans_peter Sophia_loren Mona_lisa Monte_rosa Playa_hermosa Isla_mujeres
Lago_maggiore Serra_azul Terra_nova Nova_scotia Marco_polo Rio_grande Rio_negro Buenos_aires Puerto_rico San_marino
Santa_fe Santa_monica Palo_alto La_palma El_salvador Gran_canaria Monte_carlo Mont_blanc Villa_ada Porta_romana
Bosco_verde Foresta_nera Anna_karenina Emma_watson Julia_roberts Paris_texas Virginia_beach Victoria_falls Iris_maria
Rosa_parks Viola_davis Angelica_ross Veronica_mars Erica_smith Alma_mater Maria_jose Ana_lucia Luis_alberto
Juan_carlos Jose_maria Pedro_alvares Carla_bruni Laura_palmer Sara_connor Lara_croft Eva_longoria Diana_ross
Clara_schumann Nina_simone Olga_korbut Gina_lollobrigida Sierra_nevada Las_vegas Santa_cruz Santa_rosa Costa_brava
Costa_smeralda Cinque_terre Terra_incognita Tierra_fuego Torres_paine Machu_picchu Chichen_itza Tikal_guatemala
Lima_peru Bogota_colombia Cordoba_argentina Valencia_spain Roma_italia Milano_centro Napoli_sud Torino_nord
Iphone_photos Samsung_galaxy Gopro_hero Olympus_omd Fuji_xt Panasonic_lumix Reconyx_hyperfire Bushnell_trophy Leica_q
Camera_uno Trap_alpha Python_projects Python_data Gorilla_family Bison_herd Puma_shoes Data_extra Corona_beer
Nebula_blue Lotus_flower Orion_nebula Natale_famiglia Vacanze_romane Ferias_verano Estate_montagna Sommer_urlaub
Ferien_italien Photos_vacances Jardin_maison Album_foto Foto_natura Imagenes_extra Berlin Paris Victoria Argentina
Madagascar Florida Anna Maria Julia Canon Nikon Sony Python Camera Data Alaska Amazonia Iris Extra Panorama Media
Opera Belo_horizonte Santo_domingo Cape_cod Ponta_delgada Campo_grande Foz_iguacu Tierra_caliente Agua_azul
Aguas_calientes Cala_luna Puerto_vallarta Val_gardena Alpe_adria Via_appia Campo_imperatore Gran_paradiso
Giovanna_bianchi Federico_fellini Ornella_muti Sabrina_ferilli Gloria_estefan Ricardo_montoya Manuela_carmena
Pavla_novakova Ivan_petrov Olga_ivanova Tatjana_sokolova Magda_kowalska Janina_nowak Ewa_zielinska Yuki_tanaka
Akira_kurosawa Hiro_nakamura Fatima_zahra Amina_diallo Canon_powershot Nikon_nikkor Sigma_macro Zeiss_planar
Motorola_moto Pixel_camera Sony_xperia Dji_mavic Trailcam_uno Camara_trampa Fototrappola_due Kamera_alpha
Estacion_norte Parcela_una Zona_alta Zona_baja Area_marina Sector_tres Grupo_familia Santa_catarina Sao_miguel
Serra_gaucha Pantanal_norte Amazonas_central Cuba_libre Bella_italia Dolce_vita Casa_blanca Luna_park Gala_cena
Festa_mamma Cena_amici Compleanno_nonna Nonna_maria Zia_carla Mamma_mia Baby_emma Hund_bella
""".split()
"""What people call folders by who name them after each other, places, cameras and occasions."""
OF_TAXA = """
Turdus_merula Alces_alces Zea_mays Bison_bison Gorilla_gorilla Vulpes_vulpes Lynx_lynx Puma_concolor Iris_germanica
Rosa_canina Viola_odorata Erica_carnea Veronica_persica Daphne_mezereum Angelica_archangelica Sylvia_atricapilla
Musa_acuminata Aloe_vera Aloe_ferox Cervus_elaphus Canis_lupus Felis_catus Ursus_arctos Meles_meles Lutra_lutra
Rattus_rattus Pica_pica Apus_apus Bufo_bufo Natrix_natrix Python_regius Python_bivittatus Boa_constrictor
Iguana_iguana Octopus_vulgaris Hydra_vulgaris Alligator_mississippiensis Acer_pseudoplatanus Ginkgo_biloba
Quercus_ilex Pinus_mugo Picea_abies Taxus_baccata Salix_caprea Corylus_avellana Fagus_sylvatica Betula_pendula
Allium_cepa Solanum_tuberosum Coffea_arabica Cocos_nucifera Theobroma_cacao Camellia_sinensis Magnolia_grandiflora
Hibiscus_rosa-sinensis Arctostaphylos_uva-ursi Capsella_bursa-pastoris Impatiens_noli-tangere Homo_sapiens
Mus_musculus Gallus_gallus Anas_crecca Anser_anser Grus_grus Crex_crex Tetrao_urogallus Bubo_bubo Strix_aluco
Asio_otus Oriolus_oriolus Troglodytes_troglodytes Regulus_regulus Carduelis_carduelis Terrapene_carolina
Cornus_florida Porzana_carolina Agave_americana Papilio_machaon Aglais_io Aglais_urticae Vanessa_atalanta
Vanessa_cardui Danaus_plexippus Bombus_terrestris Apis_mellifera Vespa_crabro Carabus_auratus
Coccinella_septempunctata Mantis_religiosa Gryllus_campestris Blatta_orientalis Cimex_lectularius Ixodes_ricinus
Araneus_diadematus Amanita_muscaria Boletus_edulis Cantharellus_cibarius Morchella_esculenta Fucus_vesiculosus
Saccharina_latissima Ulva_lactuca Salmo_trutta Esox_lucius Perca_fluviatilis Gadus_morhua Thunnus_thynnus
Carcharodon_carcharias Vipera_berus Rana_temporaria Salamandra_salamandra Lissotriton_vulgaris Ambystoma_mexicanum
turdus_merula alces_alces Turdus_sp. Turdus_spp Turdus Alces Aves Insecta Araneae Turdidae Asteraceae Tachinini
Papilioninae Serpentes Reptilia Actinopterygii Squamata Perciformes Isoptera Cetacea Chondrichthyes Urodela Morchella
Escherichia_coli Sus_scrofa Equus_zebra Ovis_aries Capra_hircus Bos_taurus Turdus_merula_2 001.Alces_alces
Rhinoceros_unicornis Crocus_sativus Salvia_officinalis Zinnia_elegans
""".split()
"""Names of species and higher taxa, among them such as people, places and words of other languages share."""
BIRDS = [f"{name}/1.jpg" for name in ("Turdus_merula", "Pica_pica", "Parus_major", "Corvus_corax")]


def test_people_places_and_cameras_are_no_taxa() -> None:
    """Neither by themselves nor beside folders of species, where names in doubt are taken for names."""
    assert [name for name in OF_OTHERS if label_in(f"{name}/1.jpg")] == []
    assert [name for name in OF_OTHERS if label_in(f"{name}/1.jpg", *BIRDS)] == []


def test_known_genera_and_higher_taxa_need_no_other_folder() -> None:
    assert [name for name in OF_TAXA if not label_in(f"{name}/1.jpg")] == []


def test_one_word_is_a_taxon_if_it_is_a_known_name_or_the_genus_of_another_folder() -> None:
    for others in ([], BIRDS):
        label = label_in("Alces/1.jpg", *others)
        assert label
        assert label.taxon == Taxon(genus="Alces")
        assert label_in("Berlin/1.jpg", *others) is None
        assert label_in("Paris/1.jpg", *others) is None
    for path in ("Plantae/Paris/1.jpg", "Paris/1.jpg"):
        label = label_in(path, "Paris_quadrifolia/1.jpg")
        assert label
        assert label.taxon.genus == "Paris"
    tribe = label_in("Tachinini/1.jpg")
    assert tribe
    assert (tribe.scientific_name, tribe.rank, any(tribe.taxon)) == ("Tachinini", "tribe", False)


def test_a_genus_that_is_not_known_is_one_beside_known_names_or_below_a_known_taxon(tmp_path: Path) -> None:
    """NCBI lacks genera that were split off lately: Dipterostemon from Dichelostemma, Corthylio from Regulus."""
    new = ("Dipterostemon_capitatus", "Corthylio_calendula")
    for name in new:
        assert label_in(f"{name}/1.jpg") is None
        for path, others in ((f"{name}/1.jpg", BIRDS), (f"Aves/{name}/1.jpg", [])):
            label = label_in(path, *others)
            assert label
            assert label.scientific_name == name.replace("_", " ")
        assert label_in(f"{name}/1.jpg", *BIRDS[:2], *(f"{one}/1.jpg" for one in OF_OTHERS[:9])) is None
    _, taken = folder_of(tmp_path, [f"{new[0]}/1.jpg", *BIRDS]).remarks()
    assert "genera that the built-in taxonomy does not have" in taken
    assert f"'{new[0]}'" in taken
    _, left = ClassFolders.of([f"{name}/1.jpg" for name in new]).remarks()
    assert "not taken for names, though they may be" in left
    assert "'Corthylio_calendula', 'Dipterostemon_capitatus'" in left
    assert "scientific_name" in left


def test_what_was_taken_for_names_and_what_was_not_is_said_with_counts(tmp_path: Path) -> None:
    species = [f"Turdus_{epithet}/1.jpg" for epithet in ("merula", "pilaris", "iliacus", "viscivorus", "torquatus")]
    files = [*species, "Pica_pica/1.jpg", "photos/1.jpg", "photos/2.jpg", "x.jpg", "Apus apus/Parus major/3.jpg"]
    taken, left, nested = folder_of(tmp_path, files).remarks()
    assert "names were taken from 7 folders with 7 images" in taken
    assert "'Turdus_iliacus' as Turdus iliacus" in taken
    assert taken.endswith("and 2 more")
    assert "no name in 2 folders with 3 images" in left
    assert "'.' (1 image), 'photos' (2 images)" in left
    assert "'Apus apus/Parus major' as Parus major, not Apus apus" in nested


def test_without_table_and_names_there_are_images_without_labels(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "photos/b.jpg"])
    assert [len(container.members) for container in source.containers()] == [2]
    assert not list(source.labels())
    assert any("no name in 2 folders with 2 images" in remark for remark in source.remarks())


def draw(root: Path, *names: str) -> None:
    rng = random.Random(1)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        draw_picture(rng).save(root / name, "JPEG")


def test_init_and_build_work_without_a_table(tmp_path: Path) -> None:
    draw(tmp_path / "raw", "train/Turdus_merula/1.jpg", "val/Turdus_merula/2.jpg", "Aves/Pica pica/1.jpg", "IMG/3.jpg")
    (tmp_path / "raw/README.txt").write_text("Photographs of birds.\n")
    done = cli("init", "folder", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for words in ("'train/Turdus_merula' as Turdus merula", "'Aves/Pica pica' as Pica pica (Aves)", "'IMG' (1 image)"):
        assert words in done.stdout
    assert "names were taken from 3 folders" in built(tmp_path / "out/dataset.toml").stderr
    catalog = pl.read_parquet(tmp_path / "out/224x224/catalog.parquet")
    names = {file: f"{genus} {species}" for file, genus, species in
             catalog.select("photos_filename", "genus", "species").iter_rows()}  # fmt: skip
    assert names == {
        "train/Turdus_merula/1.jpg": "Turdus merula", "val/Turdus_merula/2.jpg": "Turdus merula",
        "Aves/Pica pica/1.jpg": "Pica pica",
    }  # fmt: skip
    ledger = pl.read_parquet(tmp_path / "out/ledger/ledger.parquet")
    assert ledger.select("file", "reason").rows() == [("IMG/3.jpg", "no-name")]


def test_init_stays_strict_where_there_is_a_table(tmp_path: Path) -> None:
    """Also beside folders that are called by names; and without both it asks for a table."""
    draw(tmp_path / "raw", "Turdus_merula/1.jpg")
    draw(tmp_path / "flat", "1.jpg", "photos/2.jpg")
    (tmp_path / "raw/birds.csv").write_text("file,genus\nx.jpg,Pica\n")
    sentence(cli("init", "folder", "--raw", tmp_path / "raw", "--out", tmp_path / "out"), "'x.jpg'", "birds.csv")
    sentence(cli("init", "folder", "--raw", tmp_path / "flat", "--out", tmp_path / "out"), "--table", "Turdus_merula")
    assert not (tmp_path / "out").exists()
