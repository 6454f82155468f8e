"""The rank of a name of one word by its ending, where nothing else tells it.

The codes of nomenclature prescribe endings: zoology those of superfamilies to tribes (ICZN, article 29.2), botany and
mycology those of phyla to tribes (ICN, articles 16.3 to 19.3), and the committee on viruses all of them (ICVCN, rule
3.23). Orders in -iformes are a custom for birds and fishes.
"""

_ENDINGS = {
    "virae": "kingdom", "viricota": "phylum", "viricotina": "subphylum", "viricetes": "class", "virales": "order",
    "virineae": "suborder", "viridae": "family", "virinae": "subfamily", "virus": "genus", "viroid": "genus",
    "mycota": "phylum", "phyta": "phylum", "mycotina": "subphylum", "phytina": "subphylum", "opsida": "class",
    "phyceae": "class", "mycetes": "class", "mycetidae": "subclass", "phycidae": "subclass", "iformes": "order",
    "oideae": "subfamily", "aceae": "family", "ineae": "", "ales": "order", "eae": "tribe",
    "oidea": "superfamily", "idae": "family", "inae": "subfamily", "ini": "tribe",
}  # fmt: skip
"""Of two endings of a name, the longer one counts. Those in -ineae are suborders, or tribes of genera in -in-."""
_BY_LENGTH = sorted(_ENDINGS, key=lambda ending: (-len(ending), ending))
# Of 22,200 names in NCBI's taxonomy that have these endings, these and five doubtful ones are genera or subgenera.
_GENERA = frozenset(
    """Agapophyta Alloascoidea Amphoroidea Anagroidea Anaplectoidea Anthracoidea Aphelinoidea Ascoidea
    Atlantorchestoidea Axinopsida Baguoidea Beduini Bombardioidea Boopsoidea Cales Calliopsida Calviria Carales Caviria
    Ceropales Chelyoidea Coccinelloidea Cosmocomoidea Cryptophialoidea Cymindoidea Cytherelloidea Divales Elapsoidea
    Emydoidea Eratoidea Eupales Exilioidea Gargantuoidea Gecarcoidea Granitohyoidea Gyranusoidea Hemiopsida
    Hemismittoidea Homalotyloidea Hydroidea Kaviria Keijcyoidea Kumothales Lampyroidea Lathromeroidea Leptostales
    Lestoidea Leucophyta Lulwoidea Marmessoidea Medauroidea Mesoveloidea Metrioidea Metuloidea Microrhizoidea Mini
    Myochroidea Neophaeothecoidea Ocnophiloidea Octasphales Orchestoidea Oreithales Orithales Oxypiloidea Pales
    Pamplonoidea Parasipyloidea Parasoidea Paratetracnemoidea Phaeothecoidea Phanocloidea Phyllodrepoidea
    Phytodectoidea Pimephales Proales Protophyta Pseudorchestoidea Pseudosigmoidea Ranoidea Rhamphosipyloidea
    Rhipipalloidea Rhizophyta Scutuloidea Sepioloidea Sigmoidea Sipyloidea Smittoidea Spinosipyloidea Spintherophyta
    Symphyta Tarennoidea Tilloidea Tirachoidea Trichogrammatoidea Trochoidea Uscanoidea Ustilaginoidea Veloidea
    Ventricoloidea Verrucocoeloidea Vini Xerophyta""".split()
)
# Higher names from before the rules, and subclasses of plants in -idae, of which animals have families.
_OTHERS = {
    **dict.fromkeys("Asteroidea Crinoidea Echinoidea Holothuroidea Ophiuroidea Sagittoidea".split(), "class"),
    **dict.fromkeys("Bdelloidea Coleoidea Nautiloidea Euechinoidea Perischoechinoidea".split(), "subclass"),
    **dict.fromkeys("Batoidea Galeoidea".split(), "superorder"),
    **dict.fromkeys("Hyracoidea Echiuroidea Echiniscoidea".split(), "order"),
    **dict.fromkeys("Lemuriformes Lorisiformes Chiromyiformes Tarsiiformes Simiiformes".split(), "infraorder"),
    **dict.fromkeys("Strepsirrhini Haplorrhini".split(), "suborder"),
    **dict.fromkeys("Platyrrhini Catarrhini".split(), "parvorder"),
    **dict.fromkeys("Embryophyta Euphyllophyta Spermatophyta Streptophyta".split(), "clade"),
    **dict.fromkeys(
        """Anthocerotidae Asteridae Blasiidae Bryidae Buxbaumiidae Caryophyllidae Commelinidae Cycadidae Dilleniidae
        Equisetidae Funariidae Ginkgoidae Gnetidae Hamamelididae Hypnidae Jungermanniidae Lamiidae Liliidae Lycopodiidae
        Magnoliidae Marattiidae Marchantiidae Metzgeriidae Ophioglossidae Pinidae Polypodiidae Ranunculidae Rosidae
        Zingiberidae""".split(),
        "subclass",
    ),
}


def rank_by_ending(word: str) -> str:
    """The rank of a name of one word, if its ending is that of one rank by a code of nomenclature; else nothing.

    Genera that end by chance like a higher name have none, so that nothing wrong is said of them.

    >>> [rank_by_ending(word) for word in ("Turdidae", "Rosaceae", "Chironominae", "Tachinini", "Coronaviridae")]
    ['family', 'family', 'subfamily', 'tribe', 'family']
    >>> rank_by_ending("Asteroidea"), rank_by_ending("Pimephales"), rank_by_ending("Turdus")
    ('class', '', '')
    """
    if word in _GENERA or not word[:1].isupper() or not word.isalpha():
        return ""
    if word in _OTHERS:
        return _OTHERS[word]
    ending = next((ending for ending in _BY_LENGTH if len(word) > len(ending) + 1 and word.endswith(ending)), "")
    return _ENDINGS.get(ending, "")
