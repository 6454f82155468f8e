"""Archives of Darwin Core: tables of text, and a description of them, ``meta.xml``.

The rules are those of the Darwin Core text guide, http://rs.tdwg.org/dwc/terms/guides/text/. Columns are known by their
terms, whatever the namespace. A download of GBIF can be read without its description too: its headers are terms.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from ...core.delimited_stream import DelimitedStream, Field, Layout
from ...core.packed_files import PackedFiles
from ...core.text_tables import simple_name
from ...core.xml_reader import Element, parse_xml
from ...errors import InputError
from .table_beginnings import Beginning, check_encoding

_META = "meta.xml"
_CORE, _MEDIA = "occurrence.txt", "multimedia.txt"
_TAXA, _VERNACULARS = ("taxon", "taxa"), ("vernacularname", "vernacularnames")
"""What the tables of a checklist are called, without the ends of their names."""
_TABLES = (".txt", ".csv", ".tsv", ".tab")
_IDS = ("gbifID", "coreid", "id", "occurrenceID", "eventID", "taxonID")
"""The columns that may hold the id of a row where no description says so, the likeliest first."""
_MOST_COLUMNS = 10_000

Fields = Mapping[str, tuple[Field, ...]]
"""Where the value of each term is, by its last word in the form of :func:`simple_term`."""


@dataclass(frozen=True)
class TableFile:
    """A file with rows of a table.

    Attributes:
        name: its name in the archive.
        layout: how it is written.
        id: where the id of a row is, or, in an extension, that of the row of the core that it belongs to.
        fields: where the other values are.
    """

    name: str
    layout: Layout
    id: Field
    fields: Fields


@dataclass(frozen=True)
class Table:
    """A table of an archive.

    Attributes:
        kind: what a row is, such as ``occurrence``: the last word of its URI, in the form of :func:`simple_term`.
        files: where its rows are.
    """

    kind: str
    files: tuple[TableFile, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return PurePosixPath(self.files[0].name).name

    def has(self, term: str) -> bool:
        """Whether it has a column of this term."""
        return any(simple_term(term) in file.fields for file in self.files)


@dataclass(frozen=True)
class Archive:
    """An archive of Darwin Core.

    Attributes:
        files: what it is made of.
        meta: the name of its description; empty without one.
        core: the table whose rows the others add to.
        extensions: the other tables.
        remarks: sentences on what was guessed or repaired.
    """

    files: PackedFiles
    meta: str
    core: Table
    extensions: tuple[Table, ...]
    remarks: tuple[str, ...] = ()

    def read(self, table: Table, terms: Collection[str], remarks: list[str]) -> Iterator[pl.DataFrame]:
        """The rows of a table in order, as tables of some of its rows each.

        They have the columns ``id`` and those of the terms, as they are given, all texts and empty where there is
        nothing; ``file``; and ``line`` and ``problem``, as :meth:`.DelimitedStream.frames` has them.

        Args:
            remarks: gets sentences on what was repaired.

        Raises:
            InputError: a file is damaged, or is no text as it is described.
        """
        for file in table.files:
            columns = {"id": (file.id,), **{term: file.fields.get(simple_term(term), ()) for term in terms}}
            name = PurePosixPath(file.name).name
            stream = DelimitedStream(name, file.layout, columns)
            for frame in stream.frames(self.files.chunks(file.name)):
                yield frame.with_columns(pl.lit(name).alias("file"))
            remarks += stream.remarks()

    def columns(self, table: Table) -> list[str]:
        """The terms of the columns of a table, as its header spells them."""
        spelled = dict[str, str]()
        for file in table.files:
            header = Beginning(self.files, file.name, file.layout.encoding).header(file.layout)
            spelled |= {simple_term(name): re.split("[/#:]", name.strip().rstrip("/"))[-1] for name in header}
        return list(dict.fromkeys(spelled.get(term, term) for file in table.files for term in file.fields))

    def paths(self, tables: Collection[Table]) -> list[Path]:
        """The files on disk that hold some of its tables, and its description."""
        names = [self.meta, *(file.name for table in tables for file in table.files)]
        return self.files.paths([name for name in names if name])


def simple_term(term: str) -> str:
    """The last word of a term in any form, without what people write differently.

    >>> {simple_term(term) for term in ("http://purl.org/dc/terms/rightsHolder", "dcterms:rightsHolder")}
    {'rightsholder'}
    """
    for separator in "/#:":
        term = term.strip().rstrip("/").rpartition(separator)[2]
    return simple_name(term)


def read_archive(files: PackedFiles) -> Archive:
    """What an archive says of itself, and the beginnings of its tables show. All may lie in one folder in it.

    Raises:
        InputError: there is no archive of Darwin Core, its description is malformed, or a table is not as described.
    """
    meta = _find_meta(files)
    if not meta:
        return _described_by_headers(files, "")
    try:
        return _Description(files, meta).archive()
    except InputError as error:
        # The headers of GBIF's downloads are terms; those of other archives may be anything.
        remark = f"{error}; the headers of the tables were followed"
        with suppress(InputError):
            archive = _described_by_headers(files, remark)
            if archive.core.has("gbifID"):
                return archive
        raise


def _find_meta(files: PackedFiles) -> str:
    found = [name for name in files.names if PurePosixPath(name).name.lower() == _META and name.count("/") <= 1]
    outermost = [name for name in found if name.count("/") == min(one.count("/") for one in found)]
    if len(outermost) > 1:
        raise InputError(f"{files.path} holds several archives, {' and '.join(outermost[:2])}: keep one in it")
    return "".join(outermost)


class _Description:
    """A meta.xml, and the tables that it describes."""

    def __init__(self, files: PackedFiles, meta: str) -> None:
        self._files, self._meta = files, meta
        self._root = parse_xml(b"".join(files.chunks(meta)), f"{meta} in {files.path}")
        self._remarks = list[str]()

    def archive(self) -> Archive:
        core = self._root.first("core")
        if core is None:
            raise self._error("names no core table (<core>)")
        tables = [self._table(core, "id")]
        tables += [self._table(one, "coreid") for one in self._root.all("extension") if self._is_there(one)]
        return Archive(self._files, self._meta, tables[0], tuple(tables[1:]), tuple(self._remarks))

    def _error(self, text: str) -> InputError:
        return InputError(f"{self._meta} in {self._files.path} {text}")

    def _is_there(self, element: Element) -> bool:
        """Whether the files of an extension are in the archive; a remark says which are not."""
        missing = [name for name in _locations(element) if self._find(name) is None]
        if missing:
            self._remarks.append(f"{self._meta} names {missing[0]!r:.200}, which is not in the archive")
        return not missing

    def _find(self, location: str) -> str | None:
        folder = self._meta.rpartition("/")[0]
        return self._files.find(f"{folder}/{location}" if folder else location)

    def _table(self, element: Element, id_name: str) -> Table:
        names = list[str]()
        for location in _locations(element):
            if (name := self._find(location)) is None:
                raise self._error(f"names {location!r:.200}, which is not in the archive: fetch it again, whole")
            names.append(name)
        if not names:
            raise self._error("describes a table without naming its file (<location>)")
        return Table(
            simple_term(element.attributes.get("rowType", "")),
            tuple(self._file(element, name, self._id(element, id_name, name)) for name in names),
        )

    def _id(self, element: Element, id_name: str, name: str) -> Field:
        identifier = element.first(id_name)
        index = None if identifier is None else self._index(identifier)
        if index is None and id_name == "coreid":
            raise self._error(f"does not say which column of {name} refers to the core table (<coreid index=…>)")
        return Field(index)

    def _file(self, element: Element, name: str, identifier: Field) -> TableFile:
        fields = self._fields(element)
        if identifier.index is None:
            identifier = next((fields[term][0] for term in map(simple_name, _IDS) if term in fields), identifier)
        used = [field.index for one in (*fields.values(), (identifier,)) for field in one if field.index is not None]
        encoding = check_encoding(element.attributes.get("encoding", "").strip() or "utf-8", self._meta)
        beginning = Beginning(self._files, name, encoding)
        layout, remarks = beginning.described_layout(element.attributes, max(used, default=0) + 1, self._meta)
        self._remarks += remarks
        header = [simple_term(one) for one in beginning.header(layout)]
        index = identifier.index
        if index is not None and header[index : index + 1] == ["gbifid"]:  # GBIF's description may call it the id alone
            fields = {"gbifid": (identifier,), **fields}
        file = TableFile(name, layout, identifier, fields)
        followed = _by_header(file, header)
        if followed is not file:
            self._remarks.append(f"{name} has its columns in another order than {self._meta} says; its header counted")
        return followed

    def _fields(self, element: Element) -> dict[str, tuple[Field, ...]]:
        fields = dict[str, tuple[Field, ...]]()
        for one in element.all("field"):
            term = simple_term(one.attributes.get("term", ""))
            field = Field(self._index(one), one.attributes.get("default", "").strip())
            fields[term] = (*fields.get(term, ()), field)
        return fields

    def _index(self, element: Element) -> int | None:
        text = element.attributes.get("index", "").strip()
        if not text:
            return None
        if not text.isascii() or not text.isdecimal() or not len(text) < 6 or int(text) >= _MOST_COLUMNS:
            raise self._error(f"has the index {text!r:.50}, which is no number of a column")
        return int(text)


def _locations(element: Element) -> list[str]:
    return [one.text.strip() for files in element.all("files") for one in files.all("location")]


def _by_header(file: TableFile, header: Sequence[str]) -> TableFile:
    """The same file with its columns where its header has them, if that names all terms, or is one of GBIF.

    The description of an older download may stay beside tables whose columns have grown.
    """
    placed = {term: [one.index for one in fields if one.index is not None] for term, fields in file.fields.items()}
    terms = [term for term, indexes in placed.items() if indexes]
    is_right = all(header[index : index + 1] == [term] for term in terms for index in placed[term])
    missing = [term for term in terms if header.count(term) != 1 or len(placed[term]) > 1]
    if is_right or len(missing) == len(terms) or (missing and "gbifid" not in header):
        return file
    moved = {
        term: tuple(Field(header.index(term) if one.index is not None else None, one.default) for one in fields)
        for term, fields in file.fields.items()
        if term in header or not placed[term]
    }
    known = next((term for term in terms if file.id.index in placed[term] and term in header), None)
    known = known or next((term for term in map(simple_name, _IDS) if term in header), None)
    return TableFile(file.name, file.layout, Field(header.index(known)) if known else file.id, moved)


def _described_by_headers(files: PackedFiles, remark: str) -> Archive:
    """An archive without a description that can be used: GBIF's tables, those of a checklist, or a single table."""
    tables = [name for name in files.names if name.lower().endswith(_TABLES) and name.count("/") <= 1]
    core = _outermost(files, _CORE) or _called(tables, _TAXA)
    if core is None:
        if len(tables) != 1:
            raise InputError(
                f"{files.path} is no archive of Darwin Core: there is no {_META} in it, which says what its tables "
                f"hold, and no {_CORE}"
            )
        core = tables[0]
    others = {"multimedia": _outermost(files, _MEDIA), "vernacularname": _called(tables, _VERNACULARS)}
    extensions = tuple(_table_of_header(files, name, kind) for kind, name in others.items() if name and name != core)
    return Archive(files, "", _table_of_header(files, core, ""), extensions, (remark,) if remark else ())


def _called(tables: Sequence[str], names: Collection[str]) -> str | None:
    """The one table that is called by one of some names."""
    found = [one for one in tables if PurePosixPath(one).stem.lower() in names]
    return found[0] if len(found) == 1 else None


def _outermost(files: PackedFiles, name: str) -> str | None:
    found = [one for one in files.names if PurePosixPath(one).name.lower() == name and one.count("/") <= 1]
    return min(found, key=lambda one: (one.count("/"), one), default=None)


def _table_of_header(files: PackedFiles, name: str, kind: str) -> Table:
    beginning = Beginning(files, name)
    layout = beginning.header_layout()
    header = [simple_term(one) for one in beginning.header(layout)]
    known = next((term for term in map(simple_name, _IDS) if term in header), None)
    if known is None:
        raise InputError(
            f"{name} in {files.path} has none of the columns {', '.join(_IDS)}, and no {_META} says which one names a "
            "row: fetch the archive as a whole"
        )
    fields = {term: (Field(header.index(term)),) for term in header if term}
    kind = kind or {"eventid": "event", "taxonid": "taxon"}.get(known, "occurrence")
    return Table(kind, (TableFile(name, layout, Field(header.index(known)), fields),))
