"""How tables of others spell the headers of columns: one list for photographs' tables and for lists of addresses.

Headers are compared without regard to case, spaces, punctuation and namespaces: ``Scientific Name``,
``scientific_name`` and ``dwc:scientificName`` are one. The columns of Darwin Core, GBIF and iNaturalist are known.
"""

import re

from ..core.values import RANKS

Spellings = tuple[tuple[str, ...], ...]
"""Columns of one tuple mean the same. Those of a later tuple mean nearly that, and count only in rows where those
before are empty: GBIF's genericName, say, is the genus of the name as it was published, and genus that of the accepted
name."""

_FURTHER_RANKS = {"genus": ("genericname",), "species": ("specificepithet",)}
NAMES: dict[str, Spellings] = {
    "common": (("commonname", "common", "vernacularname"), ("vernacular", "englishname")),
    "scientific_name": (
        ("scientificname",),
        ("acceptedscientificname", "acceptednameusage"),
        ("canonicalname", "latinname", "taxonname", "verbatimscientificname"),
    ),
    **{rank: ((rank, f"taxon{rank}name"), _FURTHER_RANKS.get(rank, ())) for rank in RANKS},
}
"""The columns of names."""
TAXON_RANK: Spellings = (("taxonrank",), ("rank",))
"""The columns of the rank of a scientific name."""
ABOUT: dict[str, Spellings] = {
    "observation": (
        ("group", "groupid", "imagegroup"), ("observation", "observationid"), ("observationuuid",), ("occurrenceid",),
        ("gbifid",), ("specimen", "specimenid", "specimennumber"), ("individual", "individualid", "organismid"),
        ("processid",), ("catalognumber",), ("sequence", "sequenceid", "seqid", "burst"),
    ),
    "observer": (
        ("observer", "observerid", "observedby"), ("recordedby",), ("userlogin",), ("username", "user"), ("userid",),
        ("photographer",), ("creator",), ("collector",),
    ),
    "place": (
        ("place", "placeid"), ("site", "siteid", "station"), ("locationid",), ("location",), ("locality",),
        ("deploymentid",), ("placeguess", "verbatimlocality"),
    ),
    "source_id": (("sourceid",),),
    "data_source": (("datasource",), ("sourcedataset",), ("datasetname",)),
    "source_url": (
        ("sourceurl", "sourcelink"), ("pageurl", "page"), ("references",), ("furtherinformationurl",), ("link",),
        ("url", "uri"),
    ),
    "license_name": (
        ("licensename", "licencename"), ("license", "licence"), ("licensecode", "licencecode"), ("rights",),
        ("usageterms",),
    ),
    "license_link": (("licenselink", "licencelink"), ("licenseurl", "licenceurl")),
    "copyright_owner": (
        ("copyrightowner", "copyrightholder"), ("rightsholder",), ("owner",), ("copyright",), ("creator",),
        ("photographer",), ("attribution", "credit"),
    ),
    "title": (("title",), ("imagetitle",), ("caption",)),
}  # fmt: skip
"""The columns of what is known of images beside names."""
BOXES: dict[str, Spellings] = {
    "x": (("x", "xmin", "left", "bboxx", "boxx", "x1"),),
    "y": (("y", "ymin", "top", "bboxy", "boxy", "y1"),),
    "width": (("width", "w", "bboxwidth", "boxwidth", "bboxw"),),
    "height": (("height", "h", "bboxheight", "boxheight", "bboxh"),),
    "right": (("xmax", "right", "x2"),),
    "bottom": (("ymax", "bottom", "y2"),),
    "frame_width": (("imagewidth", "imgwidth", "framewidth"),),
    "frame_height": (("imageheight", "imgheight", "frameheight"),),
    "confidence": (("confidence", "conf", "score"),),
    "label": (("label", "concept", "category", "categoryname", "annotation"),),
    "box": (("boxid", "boxuuid", "annotationid", "annotationuuid", "detectionid", "box"), ("uuid",)),
}
"""How the columns of boxes are spelled."""
LATITUDE: Spellings = (("decimallatitude", "latitude"), ("lat",), ("coordlat",))
LONGITUDE: Spellings = (("decimallongitude", "longitude"), ("lon", "lng", "long"), ("coordlon",))

_NAMESPACE = re.compile(r"^.*[:/#](?=[^:/#]*$)")  # of dwc:genus, or of http://rs.tdwg.org/dwc/terms/genus
_PUNCTUATION = re.compile(r"[\W_]+")


def plain_header(header: str) -> str:
    """A header without case, spaces, punctuation and namespace.

    >>> plain_header("dwc:scientificName"), plain_header(" Scientific name"), plain_header("taxon_class_name")
    ('scientificname', 'scientificname', 'taxonclassname')
    """
    return _PUNCTUATION.sub("", _NAMESPACE.sub("", header.strip())).casefold()
