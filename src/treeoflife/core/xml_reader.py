"""Reading small XML files from outside: bounded in length and depth, and without a document type.

A document type can declare entities, which may stand for a billion characters or for another file. No file that is read
here needs one, so that it is refused before anything of it is obeyed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from ..errors import InputError

_MOST_BYTES = 1 << 24
_DEEPEST = 100


@dataclass
class Element:
    """An element of XML. Names are without their namespaces."""

    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> Iterator["Element"]:
        """The children of this name; case does not matter."""
        return (child for child in self.children if child.name.lower() == name.lower())

    def first(self, name: str) -> "Element | None":
        """The first of them, if there is one."""
        return next(self.all(name), None)


def parse_xml(data: bytes, name: str) -> Element:
    """The outermost element of an XML file.

    Args:
        name: how messages call the file.

    Raises:
        InputError: it is no XML, too long or deep, or has a document type.

    >>> parse_xml(b'<a xmlns="urn:x"><b c="1">text</b></a>', "a.xml").children
    [Element(name='b', attributes={'c': '1'}, children=[], text='text')]
    """
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name} has {len(data):,} bytes; at most {_MOST_BYTES:,} are read")
    tree = _Tree(name)
    try:
        tree.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"{name} is no valid XML: {error}") from None
    return tree.root.children[0]


class _Tree:
    """The elements that a parser has met."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.root = Element("", {})
        self._open = [self.root]
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text

    def _refuse(self, *_: object) -> None:
        raise InputError(f"{self._name} has a document type (<!DOCTYPE …>), which is not read: remove it")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise InputError(f"{self._name} has elements within elements, {_DEEPEST} deep; so many are not read")
        element = Element(_local(name), {_local(key): value for key, value in attributes.items()})
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _add_text(self, text: str) -> None:
        self._open[-1].text += text


def _local(name: str) -> str:
    """A name without its namespace, which the parser puts before it with a space."""
    return name.rpartition(" ")[2]
