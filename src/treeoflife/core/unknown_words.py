"""Words that stand in a name's place where nobody knows the name, or where there is nothing to name."""

import re

UNKNOWN = frozenset(
    {
        "", "unknown", "unidentified", "not_classified", "not classified", "notclassified", "pleasehelp",
        "please help", "undetermined", "undet", "undet.", "indet", "indet.", "indeterminate", "none", "nan", "null",
        "n/a", "na", "unassigned", "unclassified", "unspecified", "incertae sedis", "incertae_sedis", "undef",
        "undefined", "unnamed", "no name", "other", "not applicable", "not assigned", "unranked", "missing", "tbd",
        "environmental sample", "environmental samples", "#n/a", "#name?", "#ref!", "#value!", "#div/0!", "#null!",
        "#num!", "nil", "<na>", "nat", "none recorded", "not recorded", "not known", "not provided", "not available",
        "not given", "not identified", "not determined", "not found", "not named", "not sure", "not specified",
        "not collected", "to be determined", "to be identified", "tba", "tbc", "no id", "no data",
        "no identification", "no value", "no match", "no taxon", "no label", "needs id", "id needed",
        "needs identification", "unid", "unident", "unknow", "unkown", "unknwon", "uncertain", "unsure",
        "undescribed", "unplaced", "unlabelled", "unlabeled", "uncultured", "unrecognised", "unrecognized",
        "unidentifiable", "indeterminable", "indetermined", "sp", "sp.", "spp", "spp.", "spec.", "species", "genus",
        "family", "gen", "gen.", "gen. sp.", "gen sp", "gen. et sp.", "gen. et sp. indet.", "gen. sp. indet.",
        "genus sp.", "genus sp", "sp. indet.", "sp indet", "n.n.", "nn", "s.n.", "empty", "blank", "nothing",
        "no animal", "no animals", "no species", "no bird", "false trigger", "misfire", "empty frame", "empty image",
        "blank frame", "blank image", "background", "bait", "setup", "set up", "test", "corrupt", "problem", "ignore",
        "delete", "error", "dummy", "pending", "unk", "unk.", "n. a.", "k.a.", "k. a.", "lbj", "not listed", "various",
        "mixed", "multiple", "misc", "miscellaneous", "xxx", "xx", "true", "false", "yes", "no",
        # Catalan, Czech, Danish, Dutch, Finnish, French, German, Hungarian, Indonesian, Italian, Norwegian, Polish,
        # Portuguese, Romanian, Spanish, Swedish, Turkish, Vietnamese
        "desconegut", "neznámý", "neznámá", "neznámé", "neurčeno", "neurčený", "ukendt", "ubestemt", "onbekend",
        "onbepaald", "niet gedetermineerd", "niet bekend", "geen", "leeg", "tuntematon", "tunnistamaton",
        "ei tunnistettu", "määrittämätön", "inconnu", "inconnue", "indéterminé", "indéterminée", "indetermine",
        "non identifié", "non identifiée", "non identifie", "non déterminé", "non déterminée", "sans nom", "aucun",
        "aucune", "vide", "inconnus", "unbekannt", "unbestimmt", "nicht bestimmt", "nicht bestimmbar", "unbestimmbar",
        "nicht identifiziert", "keine angabe", "kein tier", "leer", "keine", "ohne namen", "ismeretlen",
        "tidak diketahui", "sconosciuto", "sconosciuta", "non identificato", "non identificata", "non determinato",
        "nessuno", "vuoto", "ukjent", "nieznany", "nieznana", "nieznane", "nieoznaczony", "nieokreślony", "brak",
        "desconhecido", "desconhecida", "não sei", "não identificado", "não identificada", "nao identificado",
        "nao identificada", "não determinado", "indeterminado", "indeterminada", "indefinido", "indefinida",
        "ignorado", "ignorada", "nenhum", "vazio", "sem nome", "sem identificação", "necunoscut", "neidentificat",
        "desconocido", "desconocida", "no identificado", "no identificada", "sin identificar", "sin identificación",
        "sin nombre", "sin determinar", "no determinado", "ninguno", "ninguna", "vacío", "vacio", "vacía", "okänd",
        "obestämd", "oidentifierad", "bilinmiyor", "bilinmeyen", "tanımlanmamış", "không rõ", "chưa xác định",
        "ei eläintä",
        "nežinomas", "nezināms", "teadmata", "neznano", "nepoznato", "necunoscută", "neznámy", "tanımsız",
        # Arabic, Chinese, Greek, Hebrew, Hindi, Japanese, Korean, Russian, Thai, Ukrainian
        "غير معروف", "مجهول", "未知", "未定", "未鉴定", "未鑑定", "未识别", "未識別", "未命名",
        "不明", "不详", "不詳", "无", "無", "空",
        "άγνωστο", "άγνωστος", "לא ידוע", "अज्ञात", "未同定", "不明種", "미상",
        "불명", "알 수 없음", "미동정", "неизвестно",
        "неизвестный", "неизвестная", "не определено", "не определен", "неопределено", "нет", "пусто", "ไม่ทราบ",
        "невідомо", "невідомий", "не визначено", "непознато", "непознат", "נעלם", "نامشخص", "ناشناخته", "غير محدد",
        "待鉴定", "待定", "未确定", "不确定", "未知物种", "空拍", "空白", "種名不明", "未確定", "미확인", "종 미상",
        "ไม่ทราบชนิด", "μη αναγνωρισμένο", "לא מזוהה",
    }
)  # fmt: skip
"""What providers, and spreadsheets where a formula fails, write in a rank that nobody knows: in lower case and without
brackets. What camera traps write of frames without an animal is among them."""
_BRACKETS = "()[]{}<>\"'“”‘’«»?¿!*_-–—.,;:/\\|~# "
# Words for a kind of organism in those languages, beside which "not known" says no more than alone.
_ORGANISMS = frozenset(
    """animal animale arbol arbre arten arter ave baum borboleta champignon dier djur dyr espece especie espece fågel
    fagel fiore fisch fische fleur fugl fungo gatunek hongo insect insecte insecto insekt insekten insetto inseto kafer
    käfer mamifero mamífero mammifere mammifère mariposa oiseau papillon passaro pássaro pajaro pájaro peixe pesce pez
    pflanze pflanzen pianta pilz pilze plant planta plante poisson ptak schmetterling soort specie tier tiere uccello
    vis vogel vögel albero árbol árvore arvore art espèce espèces espécie especies saugetier säugetier вид животное
    насекомое птица растение faj madár rovar druh druhu tür kuş böcek laji lintu vrsta ptica lind liik specija
    rūšis suga fugle fluga fågelart fugleart insekter taxon takson taxón táxon spesies burung serangga loài chim
    είδος πουλί نوع طائر प्रजाति пташка комаха рослина חרק""".split()
)
_NOT_KNOWN = frozenset(
    phrase.strip()
    for phrase in """inconnu, inconnue, inconnus, inconnues, indetermine, indeterminee, indéterminé, indéterminée, non
    identifié, non identifiée, non identifie, non déterminé, non déterminée, desconocido, desconocida, no identificado,
    no identificada, sin identificar, sin determinar, indeterminado, indeterminada, desconhecido, desconhecida, não
    identificado, não identificada, nao identificado, nao identificada, sconosciuto, sconosciuta, non identificato, non
    identificata, indeterminato, indeterminata, onbekend, onbekende, unbekannt, unbekannte, unbekannter, unbekanntes,
    unbestimmt, unbestimmte, unbestimmter, unbestimmtes, okänd, okänt, okända, obestämd, ukjent, ukendt, ubestemt,
    nieznany, nieznana, nieznane, неизвестный, неизвестная, неизвестное, неизвестно, неизвестен, не определен, не
    определён, не определена, не определено, nieokreślony, nieokreślona, nieoznaczony, nieoznaczona, neznámý, neznámá,
    neznámé, neznamy, neznama, neznáma, neurčený, neurčená, ismeretlen, azonosítatlan, bilinmeyen, tanımsız,
    tuntematon, määrittämätön, tunnistamaton, nepoznat, nepoznata, nepoznato, neznana, neznan, neznano, nežinoma,
    nežinomas, nezināma, nezināms, teadmata, tundmatu, necunoscută, necunoscut, neidentificată, tidak diketahui, tidak
    teridentifikasi, không xác định, không rõ, chưa xác định, chưa rõ, άγνωστο, άγνωστος, μη αναγνωρισμένο, غير معروف,
    غير محدد, अज्ञात, невідомий, невідома, невідомо, не визначений, непознат, непозната, непознато, לא מזוהה, לא
    ידוע""".replace("\n    ", " ").split(",")
)
# Words that begin nothing but a phrase of not knowing, in those languages; no genus is called so.
_NEGATIONS = frozenset(
    """non nicht kein keine keinen pas aucun aucune sans sin ningun ningún ninguna sem nenhum nenhuma nessun nessuna
    senza geen niet zonder ikke ingen inget intet utan uden uten ei ohne brak nie bez nem tidak không chưa не нет без
    нема nema není cannot can't can’t couldn't could unable to see""".split()
)
_IMAGES = frozenset(
    """image images imagen imagens imágenes imagem immagine bild bilder bilde billede aufnahme foto fotos foto's photo
    photos frame frames kuva zdjęcie obraz snímek kép fénykép fotografie resim görüntü кадр фото снимок""".split()
)
_EMPTY = frozenset(
    """empty blank black vide vides vacía vacia vacías vazia vazias vuota vuote leer leere leeres lege leeg tom tomt
    tomme tyhjä puste pusty prázdný prázdná üres boş пустой пустое пусто""".split()
)
_AFTER_UNKNOWN = (
    "un(?:known|identified|identifiable|determined|named|described|classified|certain|id)|indet(?:erminate)?|undet"
    r"|not (?:yet )?(?:identif\w+|determin\w+|known|recorded|assigned|named|sure|visible|possible|present|classified)"
    "|(?:no|needs|awaiting) id(?:entification)?"
)
_SUBJECTS = (
    "id identification determination species name taxon genus family identity animal bird insect plant fish".split()
)
_LACKING = (
    "tag name label determination animal animals image photo frame picture record info information species taxon idea"
    " clue"
).split()
# "Unidentified beetle" and "no tag" say no more than their first word; "Unknown Coleoptera" names an order.
_NOBODY_KNOWS = re.compile(
    rf"(?:{_AFTER_UNKNOWN})\b\.?[ _/-]?(?:[^\W\d_]+[ _/-]?){{0,3}}"
    rf"|(?:{'|'.join(_SUBJECTS)}) (?:is )?"
    r"(?:unknown|uncertain|pending|needed|missing|unidentified|not known|not sure|indet\.?)"
    rf"|(?:no|without|empty|blank) (?:{'|'.join(_LACKING)})s?"
)
FIRST_WORDS = (
    frozenset(phrase.split()[0] for phrase in UNKNOWN | _NOT_KNOWN if phrase)
    | _ORGANISMS
    | frozenset(_SUBJECTS)
    | _NEGATIONS
    | _IMAGES
    | _EMPTY
    | frozenset("not no needs awaiting without empty blank unnamed unid".split())
)
"""The words with which texts begin that say that nobody knows, in lower case."""


def is_unknown(value: str) -> bool:
    """Whether a rank's value only says that nobody knows it.

    >>> is_unknown("(Unidentified)"), is_unknown("unidentified beetle"), is_unknown("Unio")
    (True, True, False)
    >>> is_unknown("Unidentified Coleoptera")
    False
    """
    lowered = value.lower()
    bare = lowered.strip(_BRACKETS)
    if lowered in UNKNOWN or bare in UNKNOWN:
        return True
    first, _, rest = bare.partition(" ")
    head, _, last = bare.rpartition(" ")
    if rest and first in _NEGATIONS:
        return True
    pairs = ((first, rest), (last, head))
    if any(one in _ORGANISMS and other in _NOT_KNOWN for one, other in pairs):
        return True
    if any(one in _IMAGES and other in _EMPTY for one, other in pairs):
        return True
    words = value.replace("_", " ").split()
    # A later word with a capital may be a name, in a text that is not all in capitals.
    has_name = not value.isupper() and any(word[:1].isupper() for word in words[1:])
    return not has_name and bool(_NOBODY_KNOWS.fullmatch(bare))
