"""XML from outside is read without obeying it."""

from __future__ import annotations

import pytest

from treeoflife.core.xml_reader import parse_xml
from treeoflife.errors import InputError

BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>"""
FILE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>"""


@pytest.mark.parametrize("data", [BOMB, FILE, b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd"><a/>'])
def test_a_document_type_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"m\.xml has a document type"):
        parse_xml(data, "m.xml")


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a></b>", b"<a/><b/>", b"\x00\xff", b"<a>&x;</a>", b"<a b='1' b='2'/>"]
)
def test_what_is_no_xml_is_an_error_that_names_it(data: bytes) -> None:
    with pytest.raises(InputError, match=r"m\.xml is no valid XML"):
        parse_xml(data, "m.xml")


def test_depth_and_length_are_bounded() -> None:
    with pytest.raises(InputError, match="deep"):
        parse_xml(b"<a>" * 200_000, "m.xml")
    with pytest.raises(InputError, match="at most"):
        parse_xml(b"<a>" + b" " * (1 << 24) + b"</a>", "m.xml")


def test_names_are_without_namespaces_and_text_is_whole() -> None:
    root = parse_xml('<x:a xmlns:x="urn:y"><b x:c="1">ä<![CDATA[&]]>\n</b><B/></x:a>'.encode(), "m.xml")
    assert root.name == "a"
    assert [one.name for one in root.all("b")] == ["b", "B"]
    assert root.first("b") == root.children[0]
    assert (root.children[0].attributes, root.children[0].text) == ({"c": "1"}, "ä&\n")
    assert root.first("z") is None
