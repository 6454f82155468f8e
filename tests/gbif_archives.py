"""Downloads of GBIF and archives of Darwin Core for tests, with what is awkward in real ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

DWC, DC, GBIF = "http://rs.tdwg.org/dwc/terms/", "http://purl.org/dc/terms/", "http://rs.gbif.org/terms/1.0/"
AC, XMP = "http://rs.tdwg.org/ac/terms/", "http://ns.adobe.com/xap/1.0/rights/"

# The header of occurrence.txt in a download of 2022; it grows.
OCCURRENCE_COLUMNS = """
    gbifID abstract accessRights accrualMethod accrualPeriodicity accrualPolicy alternative audience available
    bibliographicCitation conformsTo contributor coverage created creator date dateAccepted dateCopyrighted
    dateSubmitted description educationLevel extent format hasFormat hasPart hasVersion identifier instructionalMethod
    isFormatOf isPartOf isReferencedBy isReplacedBy isRequiredBy isVersionOf issued language license mediator medium
    modified provenance publisher references relation replaces requires rights rightsHolder source spatial subject
    tableOfContents temporal title type valid institutionID collectionID datasetID institutionCode collectionCode
    datasetName ownerInstitutionCode basisOfRecord informationWithheld dataGeneralizations dynamicProperties
    occurrenceID catalogNumber recordNumber recordedBy recordedByID individualCount organismQuantity
    organismQuantityType sex lifeStage reproductiveCondition behavior establishmentMeans degreeOfEstablishment pathway
    georeferenceVerificationStatus occurrenceStatus preparations disposition associatedOccurrences associatedReferences
    associatedSequences associatedTaxa otherCatalogNumbers occurrenceRemarks organismID organismName organismScope
    associatedOrganisms previousIdentifications organismRemarks materialSampleID eventID parentEventID fieldNumber
    eventDate eventTime startDayOfYear endDayOfYear year month day verbatimEventDate habitat samplingProtocol
    sampleSizeValue sampleSizeUnit samplingEffort fieldNotes eventRemarks locationID higherGeographyID higherGeography
    continent waterBody islandGroup island countryCode stateProvince county municipality locality verbatimLocality
    verbatimElevation verticalDatum verbatimDepth minimumDistanceAboveSurfaceInMeters
    maximumDistanceAboveSurfaceInMeters locationAccordingTo locationRemarks decimalLatitude decimalLongitude
    coordinateUncertaintyInMeters coordinatePrecision pointRadiusSpatialFit verbatimCoordinateSystem verbatimSRS
    footprintWKT footprintSRS footprintSpatialFit georeferencedBy georeferencedDate georeferenceProtocol
    georeferenceSources georeferenceRemarks geologicalContextID earliestEonOrLowestEonothem latestEonOrHighestEonothem
    earliestEraOrLowestErathem latestEraOrHighestErathem bed identificationID verbatimIdentification
    identificationQualifier typeStatus identifiedBy identifiedByID dateIdentified identificationReferences
    identificationVerificationStatus identificationRemarks taxonID scientificNameID acceptedNameUsageID
    parentNameUsageID originalNameUsageID nameAccordingToID namePublishedInID taxonConceptID scientificName
    acceptedNameUsage parentNameUsage originalNameUsage nameAccordingTo namePublishedIn namePublishedInYear
    higherClassification kingdom phylum class order family subfamily genus genericName subgenus infragenericEpithet
    specificEpithet infraspecificEpithet cultivarEpithet taxonRank verbatimTaxonRank vernacularName nomenclaturalCode
    taxonomicStatus nomenclaturalStatus taxonRemarks datasetKey publishingCountry lastInterpreted elevation
    elevationAccuracy depth depthAccuracy distanceAboveSurface distanceAboveSurfaceAccuracy issue mediaType
    hasCoordinate hasGeospatialIssues taxonKey acceptedTaxonKey kingdomKey phylumKey classKey orderKey familyKey
    genusKey subgenusKey speciesKey species acceptedScientificName verbatimScientificName typifiedName protocol
    lastParsed lastCrawled repatriated relativeOrganismQuantity level0Gid level0Name level1Gid level1Name level2Gid
    level2Name level3Gid level3Name iucnRedListCategory
""".split()
MEDIA_COLUMNS = """
    gbifID type format identifier references title description source audience created creator contributor publisher
    license rightsHolder
""".split()
SIMPLE_COLUMNS = """
    gbifID datasetKey occurrenceID kingdom phylum class order family genus species infraspecificEpithet taxonRank
    scientificName countryCode locality occurrenceStatus decimalLatitude decimalLongitude taxonKey speciesKey
    basisOfRecord license rightsHolder recordedBy lastInterpreted mediaType issue
""".split()
_GBIF_TERMS = {
    "gbifID",
    "datasetKey",
    "issue",
    "mediaType",
    "taxonKey",
    "species",
    "speciesKey",
    "verbatimScientificName",
}
_DUBLIN_TERMS = {*MEDIA_COLUMNS, "accessRights", "bibliographicCitation", "modified", "language", "rights"} - {"gbifID"}

Row = Mapping[str, str]


def term(name: str) -> str:
    """The URI of a term of a GBIF download."""
    if "/" in name:
        return name
    return (GBIF if name in _GBIF_TERMS else DC if name in _DUBLIN_TERMS else DWC) + name


@dataclass
class Spec:
    """A table of an archive as its publisher writes it.

    Attributes:
        kind: the URI of what a row is.
        file: its name in the archive.
        columns: the terms of its columns, as names or URIs; an empty one is not described.
        rows: the values of each row, by these terms.
        attributes: those of its element in meta.xml, in place of what most write; None leaves one out.
        defaults: fields that meta.xml has, and the file has not.
        header: the first line of the file; that with the names of the columns where it is None.
    """

    kind: str
    file: str
    columns: Sequence[str]
    rows: Sequence[Row]
    attributes: dict[str, str | None] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    header: str | None = None

    def layout(self) -> dict[str, str | None]:
        """The attributes of its element in meta.xml."""
        default = {"encoding": "utf-8", "fieldsTerminatedBy": "\\t", "linesTerminatedBy": "\\n", "fieldsEnclosedBy": ""}
        return {**default, "ignoreHeaderLines": "1", "rowType": self.kind, **self.attributes}

    def data(self) -> bytes:
        """The content of the file."""
        layout = {key: _unescaped(value) for key, value in self.layout().items() if value is not None}
        delimiter, quote = layout.get("fieldsTerminatedBy", ","), layout.get("fieldsEnclosedBy", '"')
        end = layout.get("linesTerminatedBy", "\n")
        names = [one.rpartition("/")[2] for one in self.columns]
        lines = [self.header if self.header is not None else delimiter.join(names)]
        lines = lines * int(layout.get("ignoreHeaderLines", "0"))
        for row in self.rows:
            fields = [row.get(one, "") for one in self.columns]
            if quote:
                fields = [quote + value.replace(quote, quote * 2) + quote for value in fields]
            lines.append(delimiter.join(fields))
        return "".join(line + end for line in lines).encode(layout.get("encoding", "utf-8"))

    def xml(self, element: str, identifier: str) -> str:
        """Its element in meta.xml."""
        attributes = " ".join(f"{key}={quoteattr(value)}" for key, value in self.layout().items() if value is not None)
        fields = "".join(
            f'<field index="{index}" term="{term(one)}"/>' for index, one in enumerate(self.columns) if one
        )
        fields += "".join(f"<field default={quoteattr(value)} term={quoteattr(term(one))}/>"
                          for one, value in self.defaults.items())  # fmt: skip
        files = f"<files><location>{self.file}</location></files>"
        return f'<{element} {attributes}>{files}<{identifier} index="0"/>{fields}</{element}>'


def _unescaped(text: str) -> str:
    for written, meant in (("\\t", "\t"), ("\\r", "\r"), ("\\n", "\n")):
        text = text.replace(written, meant)
    return text


def meta_xml(core: Spec, *extensions: Spec) -> str:
    """The description of an archive."""
    elements = [core.xml("core", "id"), *(one.xml("extension", "coreid") for one in extensions)]
    return f'<?xml version="1.0"?><archive xmlns="http://rs.tdwg.org/dwc/text/">{"".join(elements)}</archive>'


def write_archive(path: Path, core: Spec, *extensions: Spec, top: str = "", described: bool = True) -> Path:
    """Write an archive as a zip, or as a folder where ``path`` does not end with ``.zip``.

    Args:
        top: a folder that all files lie in, such as ``archive/``.
        described: whether there is a meta.xml.
    """
    files = {one.file: one.data() for one in (core, *extensions)}
    if described:
        files["meta.xml"] = meta_xml(core, *extensions).encode()
    return write_files(path, {top + name: data for name, data in files.items()})


def write_files(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files as a zip, or into a folder where ``path`` does not end with ``.zip``."""
    if path.suffix == ".zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        path.write_bytes(buffer.getvalue())
        return path
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_download(
    path: Path, occurrences: Sequence[Row], media: Sequence[Row], columns: Sequence[str] = OCCURRENCE_COLUMNS,
    *, described: bool = True, top: str = "",
) -> Path:  # fmt: skip
    """Write a download as GBIF makes it: unquoted, with a header of short terms."""
    core = Spec(DWC + "Occurrence", "occurrence.txt", columns, occurrences)
    verbatim = Spec(DWC + "Occurrence", "verbatim.txt", ["gbifID", "scientificName"], occurrences)
    pictures = Spec(GBIF + "Multimedia", "multimedia.txt", MEDIA_COLUMNS, media)
    return write_archive(path, core, verbatim, pictures, described=described, top=top)


def bird(number: int, **values: str) -> dict[str, str]:
    """An occurrence of a great tit, as GBIF gives it."""
    return {
        "gbifID": str(10_000_000_000 + number), "kingdom": "Animalia", "phylum": "Chordata", "class": "Aves",
        "order": "Passeriformes", "family": "Paridae", "genus": "Parus", "species": "Parus major",
        "genericName": "Parus", "specificEpithet": "major", "scientificName": "Parus major Linnaeus, 1758",
        "taxonRank": "SPECIES", "taxonKey": "5WZLF", "basisOfRecord": "HUMAN_OBSERVATION",
        "occurrenceStatus": "PRESENT", "license": "CC_BY_4_0", "recordedBy": "Ada",
        "decimalLatitude": "51.2345", "decimalLongitude": "-0.004",
        "issue": "COORDINATE_ROUNDED;TAXON_MATCH_FUZZY", "mediaType": "StillImage", **values,
    }  # fmt: skip


def picture(number: int, url: str, **values: str) -> dict[str, str]:
    """A picture of an occurrence, as GBIF gives it."""
    return {
        "gbifID": str(10_000_000_000 + number),
        "type": "StillImage",
        "format": "image/jpeg",
        "identifier": url,
        **values,
    }


def trapped_download(host: str = "https://example.org") -> tuple[list[Row], list[Row]]:
    """The occurrences and media of a download with all that is awkward in real ones: sixteen images.

    Fourteen can be fetched; one row has no address, and one no occurrence. Four more rows are a sound, a video, a
    document, and a picture of where the species is absent.
    """
    occurrences = [
        bird(1),
        bird(2, scientificName='Parus "major" Linnaeus', locality='"The \'Rookery"'),
        bird(3, **{"class": "", "order": ""}, genus="Salmo", species="Salmo trutta", scientificName="Salmo trutta L."),
        bird(
            4, taxonRank="SUBSPECIES", scientificName="Parus major newtoni Pražák, 1894", infraspecificEpithet="newtoni"
        ),
        bird(5, taxonRank="GENUS", species="", specificEpithet="", scientificName="Parus Linnaeus, 1758"),
        bird(6, occurrenceStatus="ABSENT"),
        bird(7, license="CC_BY_NC_4_0", rightsHolder="Museum", decimalLatitude="", locality="Kew"),
        bird(8, vernacularName="Great tit", references="https://example.org/record/8"),
        bird(9, genus="Cyanistes", species="Cyanistes caeruleus", genericName="Parus", specificEpithet="caeruleus"),
        bird(10),
    ]
    media = [
        picture(
            1, f"{host}/1a.jpg", license="http://creativecommons.org/licenses/by-nc/4.0/", creator="Ada", title="Tit"
        ),
        picture(1, f"{host}/1b.jpg", rightsHolder="Bob", creator="Ada", references="https://example.org/photos/1b"),
        picture(1, f"{host}/1c.jpg", license="NULL"),
        picture(2, f"{host}/2.jpg", title='5" wide, "left'),
        picture(2, f"{host}/same.jpg"),
        picture(3, f"{host}/same.jpg"),
        picture(3, f"{host.replace('https', 'http')}/3.jpg"),
        picture(4, f"{host}/4.jpg", type="", format="image/png"),
        picture(4, f"{host}/4.JPEG?size=large", type="", format=""),
        picture(5, f"{host}/5/original."),
        picture(6, f"{host}/6.jpg"),
        picture(7, f"{host}/7.jpg"),
        picture(8, f"{host}/8.jpg", description="a tab written as \\t"),
        picture(9, f"{host}/9 with a space.jpg"),
        picture(10, f"{host}/10.mp3", type="Sound", format="audio/mpeg"),
        picture(10, f"{host}/10.mp4", type="MovingImage", format="video/mp4"),
        picture(10, f"{host}/10.pdf", type="", format="application/pdf"),
        picture(10, f"{host}/10.jpg", type="http://purl.org/dc/dcmitype/StillImage", format=""),
        picture(8, ""),
        picture(99, f"{host}/99.jpg"),
    ]
    return occurrences, media
