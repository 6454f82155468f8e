"""Words that decide whether the name of a folder is that of a taxon: what people call folders, and each other."""

PLAIN_WORDS = frozenset(
    # of folders of photographs and of datasets, words between words, of plants and animals, of places and occasions
    """albums all animal animals archive backup best bild bilder camera cameras card collection copy crop cropped
    crops data dataset datasets day days deployment dossier download downloads edited empty export extra favorites
    favourites file files final folder folders foto fotos frame frames gallery good habitat holiday holidays image
    imagenes images img jpeg jpg label labelled labels life lifer location macro misc mixed more my neu neue neuer
    new nouveau nueva nuevo nuova old ordner original originals other others pasta pasted photo photograph
    photographs photos pic picked pics picture pictures plot portrait portraits processed project public random raw
    rename renamed review sample samples save scan scans screen screenshot selected selection sequence series
    session shot shots site sites slide slides some sorted stack station store subset survey temp temporary test
    testing the tmp to todo train training trap traps trip unknown unlabelled unsorted upload uploads vacation val
    valid validation various video videos view voyage weekend work year a an and at auf aus bei by das de del der
    des di die du el em en et for from im in la las le les los mit o of off ohne on or para por sans sur un und une
    vom von with without y zu zum zur algae ant ants bat bats bear bee bees beetle beetles berry bird birds blue bug
    bugs bush butterfly cactus cat cats coral corals crab crane creature creatures crow deer dog dogs dove duck
    eagle egret falcon fauna fern ferns finch fish fishes flora flower flowers fly fox frog frogs fungi fungus gecko
    goose grass gull hare hawk heron horse house insect insects jay kite leaf leaves lichen lion lizard lobster
    mammal mammals mite monkey monkeys moss moth moths mouse mushroom mushrooms nature orchid orchids owl oyster
    people person pheasant pigeon pine plant plants plover raven reptile reptiles robin rose salamander sandpiper
    sea shrike snake snakes sparrow spider spiders starling swan tern tiger tit toad tree trees turtle vehicle vole
    wagtail warbler wasp weed whale wildlife wolf woodpecker wren zoo amici aquarium automne bike birthday bosco
    bosque car cars casa cerro city code concert docs familia famille family ferias ferien fiume flock foresta
    freunde friends garten giardino haus herbst herd insel invierno isla isole jardim jardin lab lac lago laguna
    logs maison model models montagne monte museum natale navidad notebook notebooks office output paper papers parc
    parco parque party plage playa printemps projects results rio scripts selfie shoes sommer sources strand street
    team urlaub vacaciones vacances vacanze verano uno due dos tres""".split()
)
"""Words that are in no scientific name, or so seldom that a folder with them is more likely called something else."""

PLAIN_FIRST_WORDS = frozenset(
    # before the name of an animal or plant, or a place
    """african alaska alpine american arctic arizona asia asian atlantic august australia australian autumn bald
    banded barn bay beach berlin big black boca brazil brown buena buenos cabo california canada carolina central
    coast collared common costa crested dakota dark december desert dwarf east eastern eurasian europa european
    evening february field florida forest france garden georgia germany giant golden gray great greater green grey
    home horned indian island italy january july june kenya king lake large lesser little long louisiana madrid
    march marsh may media minnesota montana monte morning mountain mute nevada night north northern nova november
    ocean october old orange pacific pale palm palo park passo pasture peru piazza piz plaza pont ponte porta porte
    porto praia puerto punta purple quinta red reserva ridge riserva river rock rome royal ruddy ruta saint sainte
    san sankt sant santa santo sao scarlet selva september short sierra silver small snow south southern spain
    spotted spring striped summer swamp terra texas tierra torre torres tropical tufted valle valley vereda villa
    virginia volcan water west western white wild winter wood yellow""".split()
)
"""The same for the first word alone."""

PEOPLE_PLACES_AND_MAKERS = frozenset(
    # given names, family names of Latin form, countries and cities, cameras
    """adam adela adele adriana agatha agnes aida alberto alessandra alessandro alessia alex alexa alexander
    alexandra alice alicia alina alisa alma amalia amanda amelia amy ana anastasia andrea andreas angela angelica
    angelina angelo anita anja anna annabella anne antonia antonio ariana ariel arnold aurelia aurora axel barbara
    beata beatrice benita berta bianca boris brenda bruno camila camilla carina carla carlos carmen carola carolin
    cecilia celia celina chiara chloe christian christina cindy clara clarissa claudia claudio clementina constantia
    cora corinna cornelia cristina daisy dalia damaris daniel daniela daphne daria david debora delfina delia
    delphine denise diana diego dolores domenico donna dora doris dorothea dylan edda edgar edith eduardo elena
    eleonora elias elisa elisabeth ella elsa elvira emanuela emilia emilio emma enrico erica erika ernesto esther
    eugenia eva evelina fabian fabio fabrizio fatima federica federico felicia felix ferdinand fernanda fernando
    fiona flavia flora florian francesca francesco francis francisca frank franz freya frida gabriel gabriela gaia
    gemma george georgia gerda gianna gilda gina giorgia giovanna giovanni giulia gloria grace greta gustavo hannah
    hans harold heather hector hedda heidi helen helena henrik hilda hugo ian ida ilaria ilse ines inga ingrid irena
    irene irina iris isa isabel isabella isabelle ivana ivy jacob jana jasmin jasmina jennifer jessica joan johanna
    john jonas jorge jose josef juan juana judith julia julian juliana juliette julius justina kara karen karin karl
    karla katarina katharina katja kira klara kristina lara larissa laura laurent lea leandra leila lena leo leon
    leona leonardo leonie leonora leopold letizia lidia liliana lina linda lisa livia liza lola lorena lorenza
    lorenzo loretta lotta louis louisa lourdes luca lucas lucia luciana lucio lucy ludovica luigi luis luisa luna
    lydia mabel magda magdalena maia manuel manuela mara marc marcella marcello marco marcus margarita margherita
    maria mariana marina mario marisa marlena marta martha martin martina mary mateo matilda matteo mattia maura
    maxima maya melania melanie melinda melissa melita mercedes michael michela miguel mila milena mina mira miranda
    mirella miriam mona monica morgan myra nadia nadine nancy naomi natalia natasha nelly nerina nicola nicole
    nikita nina noemi nora norma octavia ofelia olga olivia oscar ottilia otto pablo pamela pandora paola paolo
    patricia paul paula paulina paulo pedro penelope peter petra phoebe pia piero pietro priscilla rachel rafael
    rafaella raimunda ramona raoul rebecca regina renata rene rhea ricarda riccardo rita robert roberta roberto
    rocco romana romeo rosa rosalba rosalia rosalind rosanna roxana ruben rudolf ruth sabina sabrina salma salome
    samantha samuel sandra sara sarah saskia sean selena selma serena sergio sibylla silvana silvia simon simona
    sofia sonia sonja sophia stefania stefano stella steven susanna svenja sylvia tamara tania tara tatiana teresa
    tessa thea theodora thomas tina tobias tommaso umberto ursula valentina valeria vanessa verena veronica victor
    victoria vincent vincenzo viola violetta virginia vita vittoria viviana vladimir walter wanda wendy wilma xenia
    yara yolanda yvonne zara zelda zoe zora davis harris jones karenina lewis loren mater parks polo ross rossi
    russo santos silva watson williams wilson acapulco adelaide africa agra alabama alaska albania alberta
    alexandria algeria alicante almeria alps amalfi amazon amazonia america amsterdam ancona andalusia andes andorra
    angola ankara antalya antarctica antigua appalachia arabia arequipa argentina arizona arkansas armenia asia
    assam asturias asuncion athens atlanta atlas austin australia austria azores baden bahamas bahia bali balkan
    baltic bangkok bangladesh barbados barcelona bari barra basel basra batavia bavaria belem belgica belgium belize
    bergen berlin bern bilbao bogota bohemia bolivia bologna bonn borneo boston botswana brasil brasilia brazil
    bremen brescia bretagne bristol bulgaria burma cadiz cairo calabria calcutta california cambodia cameroon
    campania canada canaria cancun caracas caribbean cartagena carthage castilla catalonia catania caucasus ceylon
    chad chicago chile china cincinnati coimbra cologne colombia colorado columbia congo copenhagen cordoba corfu
    corsica creta crete croatia cuba curitiba cusco cyprus dakar dakota dallas dalmatia damascus danube darwin davos
    delhi denmark denver dresden dubai dublin ecuador egypt elba england eritrea essen estonia ethiopia etna europa
    europe evora faro fiji finland firenze flandria florence florida formosa france frankfurt gabon galapagos
    galicia gambia ganges geneva genoa germany ghana gibraltar girona glasgow goa granada graz greece greenland
    guadalupe guatemala guinea guyana habana haiti hamburg hanoi havana hawaii helsinki hiroshima honduras houston
    hungary iberia ibiza iceland idaho iguazu illinois india indiana indonesia iowa iran iraq ireland israel
    istanbul italia italy ithaca jakarta jamaica japan java jordan kansas kashmir kenya kiev korea kyoto lagos laos
    lapland latvia lausanne leipzig lesotho liberia libya liguria lima lisboa lisbon lithuania liverpool lombardia
    london loreto louisiana lugano luxor lyon macedonia madagascar madeira madrid malaga malawi malaysia maldives
    mali mallorca malta manila maputo mauritius medina melbourne memphis mendoza merida messina mexico miami
    michigan milan milano minsk modena moldova monaco mongolia montana montenegro morea morocco moscow mosel
    mozambique mumbai munich murcia mysore namibia nantes napoli natal navarra nebraska nepal nevada niagara
    nicaragua niger nigeria nile normandy norway nubia oaxaca odessa ohio olympia oman ontario oregon oslo ottawa
    padova padua palermo palestine palma pampa panama paraguay parana paris parma patagonia perth peru perugia
    philippines piemonte pisa poland polynesia pomerania pompeii porto portugal praga prague pretoria puebla puglia
    punjab quebec quito ravenna recife rhodes riga rimini roma romania rome rotterdam russia rwanda sahara salamanca
    salerno salvador samoa santiago saragossa sardegna sardinia savona savoy saxonia scandinavia scotia scotland
    segovia senegal serbia serengeti sevilla seville siberia sicilia sicily siena sierra singapore slovakia slovenia
    somalia sonora sorrento spain sparta stockholm sudan sumatra surinam sweden sydney syracuse syria taiwan tampa
    tanzania tasmania tehran tenerife texas thailand tibet ticino tikal tirana tobago togo tokyo toledo tonga torino
    toronto toscana toulouse trento trieste trinidad tripoli tunisia turin turkey tuscany tyrol uganda ukraine
    umbria ural uruguay utah utrecht valencia valparaiso varanasi vatican venetia venezia venezuela venice verona
    vienna vietnam warsaw westfalia wien wyoming yemen york yucatan yukon zambia zanzibar zaragoza zimbabwe zurich
    apple arri blackmagic browning bushnell canon casio cuddeback dji fuji fujifilm garmin gopro hasselblad honor
    huawei iphone kodak konica leica lumix minolta moultrie nikon nokia olympus oneplus oppo panasonic pentax phase
    pixel primos realme reconyx ricoh samsung sigma sony spypoint stealthcam tamron tasco vivo xiaomi zeiss coolpix
    cybershot eos galaxy alpha finepix powershot ada""".split()
)
"""Names of people, places and cameras. Some are genera too: two of them in a row are no name of a taxon."""

FAMILIAR_GENERA = frozenset(
    "angelica aurelia daphne erica eugenia iris melissa paris rhea rosa sylvia vanessa veronica victoria viola".split()
)
"""Genera so often photographed that an epithet behind them is enough, though people are called like them."""

COMMON_NAMES = frozenset(
    """agave alligator aloe andromeda aroma aster begonia beta bison boa boca buenos cabo camellia camera canna coma
    corona cosmos crocus dahlia data delta echo fuchsia geranium gorilla hibiscus hippopotamus hosta hydra idea
    iguana lemur lotus lynx magnolia mania monte musa nebula octopus orion palo pan panda passo petunia phlox
    phoenix piazza piz plaza pont ponte porta porte praia psyche puma punta python quinta reserva rhinoceros riserva
    ruta saint sainte salvia sankt sant sao selva tierra torre torres valle vanilla venus verbena vereda vesta villa
    volcan yucca zinnia""".split()
)
"""Genera whose names are words of other languages too: what stands behind them has to be Latin in form."""
