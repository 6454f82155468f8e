"""Words of English common names: those that describe, and short names in capitals that are no codes."""

import re

# The words that stand before another one at least twelve times in the 44,000 common names of species of ITIS and NCBI,
# and more than twice as often as at the end of a name; without those that are parts of place names or of phrases. Added
# are further places, plants that insects are called by, and words that are frequent in lists of birds.
_MODIFIERS = frozenset(
    """
    african agile alabama alaska alligator alpine amazon american amur andaman andes angolan apple argentine arizona
    arrow ashy asian atlantic azure baja bald balkan baltimore bamboo banana bank bark barn basin bay beach bewick's
    bicolor big bigeye bighead bitter black blackbelly blackfin blackspot blacktail blacktip blind blue bluntnose
    bog borneo box bristly bronze brook brown brush bumble bush cabbage cactus california cameroon canada canyon
    cape carolina carpet carrion caspian cattle cave cedar celebes centipede ceylon chaco chatham cherry chestnut
    china chorus christmas cinnamon citrus cliff cloud clown coast coffee collared colorado common congo coral corn
    cotton crag creek crested crimson cuban cypress dainty damara dark deep deepsea deepwater delicate desert
    diamond domestic double dover downy dusky dwarf earth east eastern ecuador egg elegant elephant elongate
    ethiopian eurasian european evening fairy false fat feral field fiery fire fish flat florida forest fresh
    freshwater fruit galapagos gall garden garter georgia ghost giant glass glassy glossy goat gold golden gracile
    grass grassland gray great greater green grey ground guatemalan guianan guinea gulf hainan hairy harlequin
    harvest herring highfin highland hill hills himalayan hoary honey hooded horned horse horseshoe house humpback
    inca indian indigo inland intermediate island islands ivory jack jamaican japanese java javan jersey jungle
    kangaroo karoo kashmir kelp kentucky kimberley king lake land lankan large largescale laughing lazy leaf least
    lemon leopard lesser little long longfin longnose longspine longtail louisiana lowland luzon madagascar magnolia
    malabar malagasy malayan mallee mangrove manx maple marsh masked may meadow mexican mindanao mindoro minute
    mississippi mojave moluccan montane moon moss mottled mount mountain mud musk mute nashville neotropic nevada
    new night nile nilgiri north northern norway nutmeg oak oaxacan ocean okinawa oldfield olive onion orange
    orchard oregon oriental ornate oval ozark pacific painted palawan pale pallid palm panama papuan paradise pearl
    pearly peregrine peru philippine pied pigmy pike pilbara pine pink pit plain plains plateau pocket poison polar
    pond potato prairie prickly puddle puna purple pygmy queen rain rainbow rainforest red reed reef reticulate
    ribbon rice ringed rio river roadside robust rock rocket rocky root rose roseate rosy rough round roundleaf
    royal ruby ruddy rufous rusty ruwenzori ryukyu sage sailfin saltmarsh sand sandhill sandy savanna savannah scaly
    scarlet scotch scots screech scrub sea seaside seed seychelles sharp sharpnose shield shiny short shortfin
    shovelnose shrubby siberian sichuan sierra silky silver silvery slaty slender slimy slow small smalleye
    smallmouth smallscale smoky smooth snow snowy soft softshell solitary somali song sonoran sooty south southern
    spanish spiny spinycheek splendid spot spotfin spottail spruce stag starry steppe sticky stilt stink stone stout
    stream stubfoot sugar sulawesi sumatran summer sun sunda surf surinam swamp sweet taiwan tall tasmanian tawny
    tennessee texas thread threadfin threespot tibetan tiger timor tiny toadhead tomato tomb torrent tree trident
    trinidad true tsetse tundra turkey tussock twospot upland upper usambara valley variable varied velvet vermilion
    vesper victoria virginia volcano wall wandering warty water wattled west western wheat whip whistling white wild
    willow wilson's winter wolf wood woodland woolly worm yellow yellowfin yellowtail yucatan yunnan zealand zebra
    """.split()
)
# Endings of adjectives, participles and possessives. -er and -y also end the names of animals, and are left out.
_DESCRIBES = re.compile(
    r"(?:[a-z]{2}ed|[a-z]{2}ern|[a-z]{2}ish|less|ous|[a-z]{2}ean|[a-z]{2}ian|[a-z]{2}ese|[a-z]{2}ic|[a-z]{3}al"
    r"|[a-z]{3}ive|[a-z]{3}ing|like|ful|['’]s|s['’])$"
)
# They end like adjectives and are animals or plants.
_NO_ADJECTIVES = frozenset("reed seaweed tumbleweed lemming herring starling sapling gosling duckling fowling".split())
_ADJECTIVAL_KINDS = re.compile(r"(?:weed|seed|ling|rring|fish|eel)$")
_PARTS = re.compile(r"[ -]")

SHORT_NAMES = frozenset(
    """
    ant ape asp ass auk bass bat bear bee boa boar bug carp cat chub clam cod colt coot cow crab crow deer dog dove
    duck eel elk emu fig fir flax flea fly fox frog gar gnat goat goby gull hare hawk hen hog ibex ibis iris ivy jay
    kite kiwi knot kudu lark lice lily lion loon lynx mink mite mole moss moth mule newt oak okra orca oryx owl ox
    palm pear pig pika pine plum puma quoll rail ram rat ray reed rhea rice rook rose ruff rush rye sage seal shad
    skua slug smew sole stag swan tahr teal tern tick toad tuna vole wasp wolf worm wren yak yam yew zebu
    """.split()
)
"""Names of at most four letters that a table in capitals may have."""


def describes(phrase: str) -> bool:
    """Whether a phrase says of what kind something is, by its last word, and does not name the thing itself.

    >>> [describes(phrase) for phrase in ("Great Blue", "black-and-white", "Cooper's", "Redbreast", "Mountain Lion")]
    [True, True, True, False, False]
    """
    word = _PARTS.split(phrase.lower())[-1].replace("’", "'")
    if word in _MODIFIERS:
        return True
    return bool(_DESCRIBES.search(word)) and not _ADJECTIVAL_KINDS.search(word) and word not in _NO_ADJECTIVES
