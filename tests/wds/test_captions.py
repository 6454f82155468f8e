"""The ten texts: those of the original scripts but for their known wrongs, and English whatever ranks are known."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import tar_of, without_known_wrongs
from treeoflife.core.tar_writer import encode_member
from treeoflife.core.values import NAME_COLUMNS, RANKS, Taxon
from treeoflife.shards.captions import TEXTS, compose_texts, fill_published_templates, parse_ranks, texts_tar_bytes
from treeoflife.shards.check import CheckTask, Finding, check_shard
from treeoflife.shards.foreign import list_samples
from treeoflife.testing.world import draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(1)))
LION = Taxon("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo")
MOSQUITO = Taxon("Animalia", "Arthropoda", "Insecta", "Diptera", "Culicidae", "Aedes", "sp.")
NAMES = [name for name in TEXTS if name.endswith("_name.txt")]
CAPTIONS = [name for name in TEXTS if name not in NAMES]
Texts = dict[str, str]


def golden(shared: Path) -> Iterator[Texts]:
    for line in (shared / "golden/seed1/samples.jsonl").read_text().splitlines():
        yield json.loads(line)["text"]


def test_texts_are_those_of_the_original_scripts_but_for_known_wrongs(shared: Path) -> None:
    """All ten texts of every golden sample, from its ranks and common name; a scientific name leaves no difference."""
    differing = 0
    for texts in golden(shared):
        words = texts["taxonTag.txt"].removeprefix("a photo of ").removesuffix(".")
        parts = re.split(rf"(?:^| )({'|'.join(RANKS)}) ", words)
        ranks = dict(zip(parts[1::2], parts[2::2], strict=True))
        ours = compose_texts(Taxon(*(ranks.get(rank, "") for rank in RANKS)), texts["common_name.txt"])
        assert ours == without_known_wrongs(texts)
        assert (ours == texts) == bool(texts["scientific_name.txt"])
        differing += ours != texts
    assert differing


def known_ranks() -> Iterator[Taxon]:
    """A taxon for every combination of known ranks."""
    for known in itertools.product((True, False), repeat=len(RANKS)):
        yield Taxon(*(name if kept else "" for name, kept in zip(LION, known, strict=True)))


@pytest.mark.parametrize("common", ["", "Lion", "St. John's wort.", "Which lion?", "lion!"])
@pytest.mark.parametrize("epithet", ["leo", "sp.", "cf. leo ?", "n. sp. 1.", ""])
def test_captions_are_sentences_whatever_is_known(epithet: str, common: str) -> None:
    for taxon in known_ranks():
        texts = compose_texts(taxon._replace(species=epithet if taxon.species else ""), common)
        assert tuple(texts) == TEXTS
        for suffix in CAPTIONS:
            assert re.fullmatch(r"a photo of \w(?!.*(?: \.|\.\.|  | with common name$)).*\w\.", texts[suffix]), texts


def test_the_lowest_known_rank_takes_the_place_of_a_scientific_name() -> None:
    for depth, rank in enumerate(RANKS[:5], 1):
        texts = compose_texts(Taxon(*LION[:depth]), "")
        assert texts["sci.txt"] == f"a photo of {LION[depth - 1]}.", rank
        assert texts["scientific_name.txt"] == ""
        assert texts["com.txt"] == texts["taxon.txt"] == f"a photo of {' '.join(LION[:depth])}."
    assert compose_texts(Taxon(family="Felidae"), "cats")["sci_com.txt"] == "a photo of Felidae with common name cats."


def test_without_any_name_a_caption_still_says_something() -> None:
    texts = compose_texts(Taxon(), "")
    assert {texts[suffix] for suffix in NAMES} == {""}
    assert {texts[suffix] for suffix in CAPTIONS} == {"a photo of a living thing."}
    assert compose_texts(Taxon(), "lion")["sci.txt"] == "a photo of lion."


def test_only_the_end_of_a_caption_loses_a_dot() -> None:
    texts = compose_texts(MOSQUITO, "St. John's wort.")
    assert [texts[suffix] for suffix in NAMES] == ["Aedes sp.", " ".join(MOSQUITO), "St. John's wort."]
    assert texts["sci.txt"] == "a photo of Aedes sp."
    assert texts["sci_com.txt"] == "a photo of Aedes sp. with common name St. John's wort."


WORDS = st.sampled_from(
    ["", "Aves", "sp.", "Éa", "éa", "ßa", "cf. x ?", "St. John's", "?", "…", "a.b", "白", "x ", "ab!"]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[WORDS] * len(NAME_COLUMNS)), min_size=1, max_size=20))
@example([("",) * len(NAME_COLUMNS)])
def test_the_bytes_of_texts_are_known_before_they_are_written(names: list[tuple[str, ...]]) -> None:
    """To the byte: where each sample lies in a shard depends on it. Long names need a second block of a tar."""
    names = [*names, *(tuple(word * 60 for word in name) for name in names)]
    frame = pl.DataFrame(names, schema=NAME_COLUMNS, orient="row")
    written = [
        sum(len(encode_member(f"id.{suffix}", text.encode())) for suffix, text in compose_texts(taxon, common).items())
        for *ranks, common in names
        for taxon in [Taxon(*ranks)]
    ]
    assert texts_tar_bytes(frame).to_list() == written


@settings(deadline=None)
@given(st.lists(WORDS.filter(lambda word: not word or re.search(r"\w$", word)), min_size=7, max_size=7))
def test_ranks_are_read_back_from_texts(names: list[str]) -> None:
    """From the tagged text alone if no name ends in a mark, else with the taxonomic name."""
    texts = compose_texts(Taxon(*names), "")
    if any(names):
        assert parse_ranks(texts["taxonTag.txt"]) == names
    texts = compose_texts(MOSQUITO._replace(kingdom=names[0]), "Lion")
    assert parse_ranks(texts["taxonTag.txt"], texts["taxonomic_name.txt"]) == [names[0], *MOSQUITO[1:]]


def published(taxon: Taxon, common: str) -> Texts:
    """The texts as the original scripts write them."""
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, taxon, strict=True) if name)
    name = taxon.common_or_scientific(common)
    return fill_published_templates(taxon.scientific_name, taxon.taxonomic_name, name, tagged)


def test_the_published_form_is_that_of_the_original_scripts(shared: Path) -> None:
    for texts in golden(shared):
        taxon = Taxon(*parse_ranks(texts["taxonTag.txt"]))
        assert published(taxon, texts["common_name.txt"]) == texts


def findings(folder: Path, texts: Texts) -> tuple[Finding, ...]:
    path = folder / "shard-000000.tar"
    members = [("a1.jpg", JPEG), *((f"a1.{suffix}", text.encode()) for suffix, text in texts.items())]
    path.write_bytes(tar_of(members))
    return check_shard(CheckTask(path, "train", None), lambda _: None).findings


FORMS = {"now": compose_texts, "published": published}
TAXA = [LION, MOSQUITO, Taxon(*LION[:5]), Taxon(*MOSQUITO[:5]), Taxon("Animalia"), Taxon(species="leo")]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("common", ["", "lion", "St. John's wort."])
@pytest.mark.parametrize("taxon", TAXA)
def test_shards_in_both_forms_pass_the_check_and_give_the_catalog_its_names(
    taxon: Taxon, common: str, form: str, tmp_path: Path
) -> None:
    assert not findings(tmp_path, FORMS[form](taxon, common))
    row = list_samples(tmp_path / "shard-000000.tar", lambda _: None).row(0, named=True)
    assert [row[rank] for rank in RANKS] == list(taxon)
    assert row["common"] == taxon.common_or_scientific(common)


@pytest.mark.parametrize("suffix", [name for name in TEXTS if name not in {"taxonTag.txt", "common_name.txt"}])
@pytest.mark.parametrize("taxon", TAXA[:4])
def test_a_text_that_disagrees_with_the_others_is_found(taxon: Taxon, suffix: str, tmp_path: Path) -> None:
    texts = compose_texts(taxon, "lion")
    wrong = texts[suffix].removesuffix(".") + " tamer."
    kinds = {finding.kind for finding in findings(tmp_path, texts | {suffix: wrong})}
    assert kinds == {"bad-text"}
