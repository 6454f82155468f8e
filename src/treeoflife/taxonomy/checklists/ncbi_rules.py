"""NCBI's classification, brought to the one that ITIS, the Catalogue of Life and iNaturalist share.

NCBI classifies by descent and leaves many larger groups without a rank. Where the three others have another name at one
of the seven ranks, a rule says so. There is a rule where ITIS and the Catalogue of Life agree against NCBI, found by
comparing them at every rank; where they differ from each other or from iNaturalist, the rule, or none, is for what
iNaturalist uses. Nothing else is changed. What is uncertain is left empty. ``docs/decisions/built-in-taxonomy.md`` has
the comparison, and what still differs.

A line of a table has the rank of taxa in NCBI, their names, and what they and all below them get in place of NCBI's
ranks: ``rank=Name``, or ``rank=`` to leave it empty. Lines for lower taxa count after those for higher ones.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

Ranks = Mapping[str, str]

# Plants have the plastids of green and red algae and of glaucophytes. Chromista and Protozoa are those of Ruggiero et
# al. (2015), which the three others follow. What is none of these, such as Picozoa, has no kingdom. NCBI's later
# versions have domains in place of superkingdoms, and kingdoms of bacteria and archaea that the others lack.
_KINGDOMS = """
kingdom Metazoa: kingdom=Animalia
kingdom Viridiplantae: kingdom=Plantae
phylum Rhodophyta: kingdom=Plantae
class Glaucocystophyceae: kingdom=Plantae phylum=Glaucophyta
superkingdom Bacteria: kingdom=Bacteria
superkingdom Archaea: kingdom=Archaea
domain Bacteria: kingdom=Bacteria
domain Archaea: kingdom=Archaea
kingdom Bacillati Fusobacteriati Pseudomonadati Thermotogati: kingdom=Bacteria
kingdom Methanobacteriati Nanobdellati Promethearchaeati Thermoproteati: kingdom=Archaea
phylum Cyanobacteriota: phylum=Cyanobacteria
clade Sar Haptista: kingdom=Chromista
class Cryptophyceae: kingdom=Chromista phylum=Cryptophyta
clade Amoebozoa Discoba Metamonada Apusozoa: kingdom=Protozoa
class Choanoflagellata Ichthyosporea Filasterea: kingdom=Protozoa phylum=Choanozoa
"""

_PROTISTS = """
clade Ochrophyta: phylum=Ochrophyta
class Bigyra: phylum=Bigyra class=
clade Prymnesiophyceae: class=Prymnesiophyceae
phylum Heterolobosea: phylum=Percolozoa class=Heterolobosea
clade Amoebozoa: phylum=Amoebozoa
phylum Discosea Evosea Tubulinea: phylum=Amoebozoa
class Eumycetozoa: class=
clade Myxogastria: class=Myxomycetes
order Physariida: order=Physarales
order Stemonitida: order=Stemonitidales
family Stemonitidae: family=Stemonitidaceae
"""

# NCBI has one phylum for land plants and their next relatives among the algae.
_PLANTS = """
phylum Streptophyta: phylum=
clade Tracheophyta: phylum=Tracheophyta
clade Bryophyta: phylum=Bryophyta
clade Marchantiophyta: phylum=Marchantiophyta
clade Anthocerotophyta: phylum=Anthocerotophyta
class Charophyceae Chlorokybophyceae Coleochaetophyceae Klebsormidiophyceae Mesostigmatophyceae: phylum=Charophyta
class Zygnemophyceae: phylum=Charophyta class=Zygnematophyceae
clade Liliopsida: class=Liliopsida
order Araucariales Cupressales: order=Pinales
family Adoxaceae: family=Viburnaceae
family Chenopodiaceae: family=Amaranthaceae
"""

_INVERTEBRATES = """
class Hexanauplia: class=
subclass Copepoda: class=Copepoda
order Poecilostomatoida: order=Cyclopoida
order Phasmatodea: order=Phasmida
superorder Psocodea: order=Psocodea
order Phthiraptera Psocoptera: order=Psocodea
family Blattellidae: family=Ectobiidae
family Phymatidae: family=Reduviidae
subfamily Megalopodinae: family=Megalopodidae
family Nephilidae: family=Araneidae
class Enopla: class=Hoplonemertea
family Amphinomidae Euphrosinidae: order=Amphinomida
order Proteocephalidea: order=Onchoproteocephalidea
family Onchobothriidae: order=Onchoproteocephalidea
order Hexactinosida: order=Sceptrulophora
order Arcoida: order=Arcida
order Limoida: order=Limida
order Pterioida: order=Ostreida
family Sphaeriidae: order=Sphaeriida
family Scissurellidae: order=Lepetellida
family Cocculinidae: order=Cocculinida
order Runcinacea: order=Runcinida
family Lepidopleuridae: family=Leptochitonidae
family Siphonodentaliidae: family=Gadilidae
order Aspidochirotida: order=
family Holothuriidae: order=Holothuriida
family Deimatidae Stichopodidae Synallactidae: order=Synallactida
order Temnopleuroida: order=Camarodonta
family Fibulariidae Laganidae: order=Echinolampadacea
family Ophiocomidae: order=Ophiacanthida
family Ophiuridae: order=Ophiurida
"""

# The orders of perch-like fishes are those of Nelson (2006), of which NCBI's are parts.
_FISHES = """
superclass Actinopterygii: class=Actinopterygii
class Actinopteri Cladistia: class=Actinopterygii
class Chondrichthyes: class=
subclass Elasmobranchii: class=Elasmobranchii
subclass Holocephali: class=Holocephali
class Hyperoartia: class=Petromyzonti
clade Coelacanthimorpha: class=Coelacanthi
genus Latimeria: family=Latimeriidae
subfamily Lamninae: order=Lamniformes family=Lamnidae
family Platyrhinidae: order=Torpediniformes
family Pristiophoridae: order=Pristiophoriformes
family Squatinidae: order=Squatiniformes
order Acanthuriformes Acropomatiformes Anabantiformes Blenniiformes Caproiformes Carangiformes: order=Perciformes
order Centrarchiformes Chaetodontiformes Cichliformes Ephippiformes Gerreiformes Gobiiformes: order=Perciformes
order Istiophoriformes Kurtiformes Labriformes Lobotiformes Lutjaniformes Pempheriformes: order=Perciformes
order Priacanthiformes Scombriformes Spariformes Uranoscopiformes: order=Perciformes
family Callionymidae Draconettidae Mullidae: order=Perciformes
family Ambassidae Callanthiidae Centropomidae Embiotocidae Grammatidae Malacanthidae Menidae: order=Perciformes
family Monodactylidae Moronidae Opistognathidae Plesiopidae Polycentridae Polynemidae: order=Perciformes
family Pomacanthidae Pomacentridae Pseudochromidae Scatophagidae Sciaenidae Sillaginidae: order=Perciformes
family Sphyraenidae: order=Perciformes
family Agonidae Anoplopomatidae Aploactinidae Bembridae Congiopodidae Cottidae Cyclopteridae: order=Scorpaeniformes
family Dactylopteridae Ereuniidae Hexagrammidae Hoplichthyidae Liparidae Neosebastidae: order=Scorpaeniformes
family Parabembridae Peristediidae Platycephalidae Psychrolutidae Rhamphocottidae: order=Scorpaeniformes
family Scorpaenidae Sebastidae Setarchidae Synanceiidae Tetrarogidae Triglidae: order=Scorpaeniformes
family Aulorhynchidae Gasterosteidae Hypoptychidae: order=Gasterosteiformes
order Holocentriformes Trachichthyiformes: order=Beryciformes
order Galaxiiformes: order=Osmeriformes
clade Scarines: family=Scaridae
subfamily Microdesminae Ptereleotrinae: family=Microdesmidae
subfamily Rhaphiodontinae: family=Cynodontidae
family Schilbidae: family=Schilbeidae
"""

_TETRAPODS = """
subfamily Aromobatinae: family=Aromobatidae
class Lepidosauria: class=Reptilia
order Crocodylia Testudines: class=Reptilia
order Sphenodontia: order=Rhynchocephalia
family Dipsadidae: family=Colubridae
family Hydrophiidae: family=Elapidae
family Pareatidae: family=Pareidae
family Xenodermatidae: family=Xenodermidae
subfamily Aparallactinae Atractaspidinae: family=Atractaspididae
subfamily Psammophiinae: family=Psammophiidae
subfamily Pseudaspidinae: family=Pseudaspididae
subfamily Pseudoxyrhophiinae: family=Pseudoxyrhophiidae
subfamily Corytophaninae: family=Corytophanidae
subfamily Crotaphytinae: family=Crotaphytidae
subfamily Hoplocercinae: family=Hoplocercidae
subfamily Liolaeminae: family=Liolaemidae
subfamily Oplurinae: family=Opluridae
subfamily Tropidurinae: family=Tropiduridae
family Thinocoridae: order=Charadriiformes
family Cerylidae: family=Alcedinidae
family Dendrocolaptidae: family=Furnariidae
family Raphidae: family=Columbidae
subfamily Peucedraminae: family=Peucedramidae
subfamily Polioptilinae: family=Polioptilidae
subfamily Troglodytinae: family=Troglodytidae
subfamily Viduinae: family=Viduidae
subfamily Callitrichinae: family=Callitrichidae
family Chrysochloridae Tenrecidae: order=Afrosoricida
"""

# Single genera: the family that NCBI or a rule above gives them, by which homonyms are told apart, and their own.
_GENERA = """
Aeshnidae Gomphidae: Asiagomphus Leptogomphus Microgomphus
Hippolytidae Lysmatidae: Exhippolysmata Ligur Lysmata Lysmatella Merguia Mimocaris
Hippolytidae Thoridae: Eualus Heptacarpus Lebbeus Spirontocaris Thinora Thor Thoralus
Oplophoridae Acanthephyridae: Acanthephyra Ephyrina Heterogenys Meningodora Notostomus
Tropiduridae Leiocephalidae: Leiocephalus
Gymnophthalmidae Alopoglossidae: Alopoglossus Ptychoglossus
Pimelodidae Heptapteridae: Rhamdia
Aegithalidae Aegithinidae: Aegithina
Corvidae Artamidae: Artamus
Corvidae Cnemophilidae: Cnemophilus Loboparadisea
Corvidae Oriolidae: Oriolus Sphecotheres
Formicariidae Grallariidae: Grallaria Grallaricula Hylopezus Myrmothera
Formicariidae Thamnophilidae: Cercomacra Pyriglena
Fringillidae Calcariidae: Calcarius Plectrophenax
Fringillidae Emberizidae: Emberiza Latoucheornis Melophus Miliaria Schoeniclus
Fringillidae Parulidae: Phaeothlypis
Fringillidae Passerellidae: Buarremon Peucaea
Fringillidae Thraupidae: Cactospiza Cyanerpes Donacospiza Embernagra Hemispingus Melopyrrha Orthogonys Platyspiza
Fringillidae Thraupidae: Rowettia Tersina
Irenidae Chloropseidae: Chloropsis
Locustellidae Pycnonotidae: Malia
Menuridae Atrichornithidae: Atrichornis
Paridae Remizidae: Anthoscopus Remiz
Passeridae Estrildidae: Chloebia Padda
Passeridae Ploceidae: Philetairus Plocepasser
Passeridae Viduidae: Anomalospiza
Polioptilidae Remizidae: Auriparus
Rhinocryptidae Melanopareiidae: Melanopareia
Sylviidae Acrocephalidae: Acrocephalus Arundinax Chloropeta Hippolais Iduna Nesillas
Sylviidae Aegithalidae: Leptopoecile
Sylviidae Cettiidae: Abroscopus Cettia Oligura Tesia Tickellia Urosphena
Sylviidae Cisticolidae: Eremomela
Sylviidae Hyliidae: Hylia
Sylviidae Macrosphenidae: Achaetops Macrosphenus Melocichla Sphenoeacus Sylvietta
Timaliidae Pellorneidae: Gampsorhynchus Illadopsis Jabouilleia Kenopia Malacocincla Malacopteron Napothera Ptilocichla
Timaliidae Pomatostomidae: Pomatostomus
Timaliidae Sylviidae: Chrysomma Lioptilus Parophasma
Timaliidae Vireonidae: Erpornis Pteruthius
Timaliidae Zosteropidae: Yuhina
Turdidae Muscicapidae: Alethe Erithacus Heinrichia Luscinia Monticola Sheppardia Stiphrornis Tarsiger
Tyrannidae Tityridae: Laniocera Pachyramphus Tityra Xenopsaris
Zosteropidae Passeridae: Hypocryptadius
"""

# Genera that share their name with one that NCBI has, in another kingdom, phylum or class, while NCBI lacks them: with
# its one genus alone, a photograph of marram grass (Ammophila) would be one of a wasp. They come from ITIS and the
# Catalogue of Life, each below the lowest taxon above it that NCBI has too.
_HOMONYMS = """
Acanthizidae: Finschia
Clavagellidae: Verpa
Crambeidae: Crambe
Euryleptidae: Oligocladus
Ischnopsyllidae: Mitchella
Lasaeidae: Rochefortia
Lithoglyphidae: Clappia
Lytocestidae: Stocksia
Nemacheilidae: Sphaerophysa
Platyhelminthes: Coulterella Zygorhynchus
Poaceae: Ammophila
Pycnogonida: Hannonia
Reduviidae: Lydenburgia Rochonia
Stivaliidae: Traubia
Tettigoniidae: Broughtonia
Trapezidae: Glossocardia
Turbinellidae: Metzgeria
Typhloplanidae: Lutheria
"""

# Names that labels and older databases have and NCBI has not: those of families that the code of botanical names allows
# beside the others (ICN, article 18.5), families that APG IV (doi:10.1111/boj.12385) has in others, phyla of bacteria
# before their names got an ending (doi:10.1099/ijsem.0.005056), and higher taxa of former classifications. A line has
# the rank and the taxon that they are now, or are a part of.
_FORMER = """
phylum Tracheophyta: Angiospermae Angiospermophyta Anthophyta Equisetophyta Filicophyta Gymnospermae Lycophyta
phylum Tracheophyta: Lycopodiophyta Magnoliophyta Monilophyta Pinophyta Polypodiophyta Pteridophyta Sphenophyta
phylum Marchantiophyta: Hepaticophyta Hepatophyta
phylum Ochrophyta: Chrysophyta Heterokontophyta Phaeophyta
phylum Euglenozoa: Euglenophycota Euglenophyta
phylum Amoebozoa: Mycetozoa Myxomycota
phylum Cnidaria: Coelenterata
phylum Bryozoa: Ectoprocta
phylum Nematoda: Nemata
phylum Nemertea: Nemertina Nemertinea Rhynchocoela
phylum Rotifera: Rotatoria
phylum Cyanobacteria: Cyanophyta Cyanoprokaryota
phylum Acidobacteriota: Acidobacteria
phylum Actinomycetota: Actinobacteria
phylum Bacillota: Firmicutes
phylum Bacteroidota: Bacteroidetes
phylum Chloroflexota: Chloroflexi
phylum Fusobacteriota: Fusobacteria
phylum Mycoplasmatota: Tenericutes
phylum Pseudomonadota: Proteobacteria
phylum Spirochaetota: Spirochaetes
class Magnoliopsida: Dicotyledonae Dicotyledoneae Dicotyledones
class Liliopsida: Monocotyledonae Monocotyledoneae Monocotyledones
class Polypodiopsida: Filicinae Filicopsida Pteridopsida
class Pinopsida: Coniferopsida
class Bivalvia: Lamellibranchia Lamellibranchiata Pelecypoda
class Myxomycetes: Myxogastrea Myxogastromycetes
order Hemiptera: Homoptera
order Blattodea: Blattaria Isoptera
order Phasmida: Phasmatoptera
order Psocodea: Mallophaga
order Zygentoma: Thysanura
order Artiodactyla: Cetartiodactyla
order Eulipotyphla: Erinaceomorpha Soricomorpha
order Squamata: Lacertilia Ophidia
order Testudines: Chelonii
order Anura: Salientia
order Caudata: Urodela
family Apiaceae: Umbelliferae
family Arecaceae: Palmae
family Asteraceae: Compositae
family Brassicaceae: Cruciferae
family Clusiaceae: Guttiferae
family Fabaceae: Caesalpiniaceae Leguminosae Mimosaceae Papilionaceae
family Lamiaceae: Labiatae
family Poaceae: Gramineae
family Amaryllidaceae: Alliaceae
family Apocynaceae: Asclepiadaceae
family Araceae: Lemnaceae
family Convolvulaceae: Cuscutaceae
family Cupressaceae: Taxodiaceae
family Ericaceae: Empetraceae Monotropaceae Pyrolaceae
family Lythraceae: Punicaceae Trapaceae
family Malvaceae: Bombacaceae Sterculiaceae Tiliaceae
family Curculionidae: Scolytidae
family Erebidae: Arctiidae Lymantriidae
family Nymphalidae: Danaidae Heliconiidae Satyridae
"""

# Former or informal groups that are no taxon, or one of no rank, by the lowest taxon that has all of them.
_GROUPS = """
Animalia: Invertebrata
Arachnida: Acarina
Arthropoda: Apterygota Entomostraca
Ascomycota: Ascomycetes
Basidiomycota: Basidiomycetes Gasteromycetes Hymenomycetes
Chordata: Agnatha Osteichthyes Pisces
Fungi: Deuteromycetes Deuteromycota Zygomycetes Zygomycota
Gastropoda: Opisthobranchia Prosobranchia Pulmonata
Lepidoptera: Heterocera Macrolepidoptera Microlepidoptera Rhopalocera
Mammalia: Insectivora Ungulata
"""


def _lines(text: str) -> Iterator[tuple[list[str], list[str]]]:
    for line in text.strip().splitlines():
        before, _, after = line.partition(":")
        yield before.split(), after.split()


def _rules(*tables: str) -> Mapping[tuple[str, str], Ranks]:
    rules: dict[tuple[str, str], Ranks] = {}
    for (rank, *names), changes in (line for table in tables for line in _lines(table)):
        ranks = dict(change.split("=") for change in changes)
        rules |= {(rank, name): MappingProxyType({**rules.get((rank, name), {}), **ranks}) for name in names}
    return MappingProxyType(rules)


def _families(table: str) -> Mapping[tuple[str, str], str]:
    return MappingProxyType({(ncbi, genus): own for (ncbi, own), genera in _lines(table) for genus in genera})


RULES = _rules(_KINGDOMS, _PROTISTS, _PLANTS, _INVERTEBRATES, _FISHES, _TETRAPODS)
"""By the rank and the name of a taxon of NCBI, the ranks that it sets; an empty text takes NCBI's own away."""

FAMILIES = _families(_GENERA)
"""By the family of a genus according to NCBI, and the genus, the family that it belongs to."""

HOMONYMS: Mapping[str, str] = MappingProxyType(
    {genus: taxon for (taxon,), genera in _lines(_HOMONYMS) for genus in genera}
)
"""By the names of genera that NCBI lacks, the taxon above them."""

FORMER: Mapping[str, tuple[str, str]] = MappingProxyType(
    {former: (rank, name) for (rank, name), names in _lines(_FORMER) for former in names}
)
"""By former and alternative names of taxa, the rank and the name of what they are now."""

GROUPS: Mapping[str, str] = MappingProxyType({group: name for (name,), names in _lines(_GROUPS) for group in names})
"""By names of groups that are no taxa, the taxon above them."""
