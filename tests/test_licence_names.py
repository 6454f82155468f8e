"""Spellings of licences, as providers have them, and the one name of each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeoflife.selection.licences import is_allowed, normalise

CC = "https://creativecommons.org"
SPELLINGS = {
    # GBIF: addresses, enumerations, and what publishers write by hand
    "http://creativecommons.org/licenses/by-nc/4.0/": "cc-by-nc-4.0",
    "http://creativecommons.org/licenses/by/4.0/legalcode": "cc-by-4.0",
    "https://creativecommons.org/licenses/by/4.0/deed.en": "cc-by-4.0",
    "https://creativecommons.org/licenses/by/4.0/deed.de": "cc-by-4.0",
    "http://www.creativecommons.org/licenses/by-nc-sa/3.0/deed.en": "cc-by-nc-sa-3.0",
    "creativecommons.org/licenses/by/4.0": "cc-by-4.0",
    "https://creativecommons.org/licenses/by-nc/4.0/?ref=chooser-v1": "cc-by-nc-4.0",
    "https://creativecommons.org/licenses/by-nc-sa/3.0/igo/": "cc-by-nc-sa-3.0",
    "https://creativecommons.org/licenses/by-sa/3.0/de/deed.de": "cc-by-sa-3.0",
    "http://creativecommons.org/licenses/by-nc-nd/2.5/mx/": "cc-by-nc-nd-2.5",
    "https://creativecommons.org/licenses/by-sa/2.5/scotland/": "cc-by-sa-2.5",
    "http://creativecommons.org/licenses/by-nc/": "cc-by-nc",
    "http://creativecommons.org/licenses/nc-sa/1.0/": "cc-nc-sa-1.0",
    "http://creativecommons.org/publicdomain/zero/1.0/legalcode": "cc-0-1.0",
    "https://creativecommons.org/publicdomain/zero/1.0/deed.fr": "cc-0-1.0",
    "https://creativecommons.org/share-your-work/public-domain/cc0/": "cc-0-1.0",
    "https://creativecommons.org/publicdomain/mark/1.0/": "cc-publicdomain",
    "http://creativecommons.org/licenses/publicdomain/": "cc-publicdomain",
    "https://i.creativecommons.org/l/by/4.0/88x31.png": "cc-by-4.0",
    "https://spdx.org/licenses/CC-BY-4.0.html": "cc-by-4.0",
    "http://rightsstatements.org/vocab/InC/1.0/": "all-rights-reserved",
    "http://rightsstatements.org/vocab/NKC/1.0/": "No known copyright restrictions",
    "https://www.flickr.com/photos/cc-by-guy/": "other",
    "http://n2t.net/ark:/65665/m3b5": "other",
    "CC0_1_0": "cc-0-1.0",
    "CC_BY_4_0": "cc-by-4.0",
    "CC_BY_NC_4_0": "cc-by-nc-4.0",
    "UNSPECIFIED": "",
    "UNSUPPORTED": "other",
    # iNaturalist
    "CC-BY-NC": "cc-by-nc",
    "CC-BY-NC-ND": "cc-by-nc-nd",
    "CC0": "cc-0-1.0",
    "PD": "cc-publicdomain",
    "C": "all-rights-reserved",
    "© Jane Doe, some rights reserved (CC BY-NC-ND)": "cc-by-nc-nd",
    "(c) Jane Doe, no rights reserved (CC0)": "cc-0-1.0",
    "no rights reserved": "cc-publicdomain",
    # EOL
    "cc-by-nc-sa-3.0": "cc-by-nc-sa-3.0",
    "cc-by-sa-2.5": "cc-by-sa-2.5",
    "cc-by": "cc-by",
    "cc-publicdomain": "cc-publicdomain",
    "pd": "cc-publicdomain",
    "cc-zero-1.0": "cc-0-1.0",
    "cc0-1.0": "cc-0-1.0",
    "cc-0-1.0": "cc-0-1.0",
    "No known copyright restrictions": "No known copyright restrictions",
    "not provided": "",
    # by hand
    "CC BY-NC 4.0 (Attribution-NonCommercial)": "cc-by-nc-4.0",
    "CC-BY-NC 4.0 (Int)": "cc-by-nc-4.0",
    "CC-BY 3.0 (Au)": "cc-by-3.0",
    "CC BY-NC-SA v4": "cc-by-nc-sa-4.0",
    "cc by nc sa; 4.0": "cc-by-nc-sa-4.0",
    "CC-BY-SA-3.0-DE": "cc-by-sa-3.0",
    "CC BY\u2011SA\u00a04.0": "cc-by-sa-4.0",
    "ccbyncsa": "cc-by-nc-sa",
    "cc-by-nd-nc 2.0": "cc-by-nc-nd-2.0",
    "by-nc-sa": "cc-by-nc-sa",
    "BY 4.0": "cc-by-4.0",
    "CC BY 4.0, photo 2020": "cc-by-4.0",
    "CC BY 2020": "cc-by",
    "CC BY Sandra Smith": "cc-by",
    "Creative Commons BY 4.0": "cc-by-4.0",
    "Creative Commons Attribution 4.0": "cc-by-4.0",
    "Creative Commons Attribution 4.0 International License": "cc-by-4.0",
    "Attribution 4.0 International (CC BY 4.0)": "cc-by-4.0",
    "Attribution-NonCommercial 4.0 International": "cc-by-nc-4.0",
    "Creative Commons – Attribution–ShareAlike 2.5": "cc-by-sa-2.5",
    "Creative Commons Attribution Non Commercial Share Alike": "cc-by-nc-sa",
    "Creative Commons Attribution-Noncommercial-No Derivative Works 3.0 Unported": "cc-by-nc-nd-3.0",
    "Creative Commons Attribution Non-Commercial (CC-BY-NC) 4.0": "cc-by-nc-4.0",
    "Namensnennung - Nicht kommerziell 4.0 International": "cc-by-nc-4.0",
    "Creative Commons Atribución-NoComercial-CompartirIgual 4.0": "cc-by-nc-sa-4.0",
    "Licensed under a Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported License.": "cc-by-nc-sa-3.0",
    "Licensed under http://creativecommons.org/licenses/by/4.0/.": "cc-by-4.0",
    '<a rel="license" href="http://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA</a>': "cc-by-sa-4.0",
    "CC BY-NC (http://creativecommons.org/licenses/by-nc/4.0/)": "cc-by-nc-4.0",
    "Public Domain Mark": "cc-publicdomain",
    "Public Domain Mark 1.0": "cc-publicdomain",
    "Public domain": "cc-publicdomain",
    "Public domain (CC0)": "cc-0-1.0",
    "Creative Commons Zero v1.0 Universal": "cc-0-1.0",
    "This work is licensed under a Creative Commons CCZero 1.0 License": "cc-0-1.0",
    "has dedicated them to the Public Domain (CC0 1.0). Users may copy, modify, distribute": "cc-0-1.0",
    "© all rights reserved": "all-rights-reserved",
    "Alle Rechte vorbehalten": "all-rights-reserved",
    "Copyright 2014": "all-rights-reserved",
    # neither one nor the other
    "© RBGK": "other",
    "Usage Conditions Apply": "other",
    "Creative Commons": "other",
    "No attribution required": "other",
    "photo by NC Smith": "other",
    "free for non-commercial use": "other",
    "This image is not CC BY": "other",
    "not in the public domain": "other",
    "CC BY or CC BY-SA": "other",
    "CC BY 3.0, CC BY 4.0": "other",
    "CC BY (http://creativecommons.org/licenses/by-nc/4.0/)": "other",
    "http://creativecommons.org/licenses/by/4.0/;http://creativecommons.org/licenses/by-nc/4.0/": "other",
    "© Jane Doe, all rights reserved; CC BY": "other",
    "Public domain, for non-commercial use": "other",
    "GFDL": "other",
    "": "",
    " n/a ": "",
}


@pytest.mark.parametrize(("text", "slug"), SPELLINGS.items())
def test_every_spelling_of_a_licence_has_one_name(text: str, slug: str) -> None:
    assert normalise(text).slug == slug
    assert normalise(f"  {text.upper()}\n").slug == slug


@pytest.mark.parametrize("slug", sorted({*SPELLINGS.values()} - {""}))
def test_a_name_is_its_own_name(slug: str) -> None:
    assert normalise(slug).slug == slug


def test_addresses_lead_to_the_licence_itself() -> None:
    """Of the version of a country where the text has its address; without a version, of 4.0."""
    assert normalise("http://creativecommons.org/licenses/by/3.0/de/legalcode").link == f"{CC}/licenses/by/3.0/de/"
    assert normalise("CC BY-NC-SA 3.0").link == f"{CC}/licenses/by-nc-sa/3.0/"
    assert normalise("CC-BY-ND").link == f"{CC}/licenses/by-nd/4.0/"
    assert normalise("CC0").link == f"{CC}/publicdomain/zero/1.0/"
    assert [normalise(one).link for one in ("©", "GFDL", "", "no known copyright restrictions")] == [""] * 4


@given(st.text(st.sampled_from("cby ncsad-40./:()©") | st.characters(), max_size=60))
def test_any_text_has_a_name_of_known_form(text: str) -> None:
    slug, link = normalise(text)
    assert re.fullmatch(
        r"(?:cc-(?:by|nc|nd|sa)(?:-(?:nc|nd|sa))*(?:-\d\.\d)?|cc-0-1\.0|cc-publicdomain|other|all-rights-reserved"
        r"|No known copyright restrictions)?",
        slug,
    )
    assert link == "" or link.startswith(f"{CC}/")


@pytest.mark.parametrize(
    "text", ["-", "cc ", "creative commons ", "attribution ", "http://creativecommons.org/", "no a "]
)
def test_long_texts_take_no_longer_than_their_length_asks(text: str) -> None:
    """A pattern that tries every division of a text would take hours."""
    assert normalise(text * (100_000 // len(text))).slug in ("", "other")


@pytest.mark.parametrize(
    ("text", "allow", "expected"),
    [
        ("CC_BY_4_0", ["cc-by"], True),
        ("CC_BY_4_0", ["CC BY"], True),
        ("CC_BY_4_0", ["cc-by-4.0"], True),
        ("CC_BY_4_0", ["cc-by-3.0"], False),
        ("CC-BY", ["cc-by-4.0"], False),
        ("CC BY-NC 4.0", ["cc-by"], False),
        ("http://creativecommons.org/publicdomain/zero/1.0/", ["cc0"], True),
        ("PD", ["public domain"], True),
        ("PD", ["cc0"], False),
        ("No known copyright restrictions", ["no known copyright restrictions"], True),
        ("Ask the museum", ["ask the museum"], True),
        ("Ask the museum", ["cc-by"], False),
        ("", ["cc-by"], False),
    ],
)
def test_a_licence_is_allowed_by_its_name_with_or_without_version(text: str, allow: list[str], expected: bool) -> None:
    assert is_allowed(text, normalise(text).slug, allow) is expected


@pytest.mark.parametrize(
    "text",
    [
        "CC BY 4.0, not for commercial use", "Creative Commons Attribution, no commercial use", "CC BY 4.0 NC",
        "CC BY 4.0 (NC)", "CC-BY-ShareAlike", "CreativeCommons - Attribution Non - Commercial",
        "Creative Commons Atribución-Sin Obras Derivadas 2.0 Chile", "CC0 does not apply", "non-public domain",
        "This isn't in the public domain", "nicht CC0", "CC0 for metadata only; images copyrighted",
        "Public domain in the US only", "https://creativecommons.org/licenses/by%2Dnc/4.0/",
        "Public domain, but commercial use requires permission",
    ],
)  # fmt: skip
def test_what_a_text_forbids_is_not_allowed(text: str) -> None:
    assert normalise(text).slug == "other"


def test_an_address_with_other_dividers_keeps_its_elements() -> None:
    assert normalise("https://creativecommons.org/licenses/by_nc/4.0/").slug == "cc-by-nc-4.0"
    assert normalise("https://creativecommons.org/licenses/by/nc/4.0/").slug == "cc-by-nc-4.0"
    assert normalise("https://creativecommons.org/licenses/by-noncommercial/4.0/").slug == "other"


def test_a_text_that_is_not_understood_allows_no_other_such_text() -> None:
    assert is_allowed("GFDL", "other", ["GFDL"])
    assert not is_allowed("Ask the museum", "other", ["cc-by", "GFDL"])


def test_a_name_that_its_address_contradicts_is_not_allowed() -> None:
    assert normalise("CC-BY https://creativecommons.org/licenses/by-nc/4.0/").slug == "other"
    assert not is_allowed("CC-BY", "other", ["cc-by"])
