"""A download of GBIF at scale: the images of occurrence.txt and multimedia.txt, listed from within the zip.

    python benchmarks/gbif.py [ROWS ...]        # 2000000, if none are given

For each number of rows it writes a zip with that many occurrences, of 220 columns of which 50 are filled (1.2 kB a row,
as GBIF's are), and a picture of each. Then the source lists them, in a process of its own. The budget: 10,000,000 rows
in less than 1 GB.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from table import measured, show

from treeoflife.core.database import open_database
from treeoflife.sources.registry import load_source

MEMORY_GB = 0.4
COLUMNS, BLOCK = 220, 1_000
FILLED = {
    "gbifID": "{0}", "accessRights": "http://rightsstatements.org/vocab/CNE/1.0/", "license": "CC_BY_NC_4_0",
    "modified": "2022-02-17T14:18:40Z", "publisher": "iNaturalist.org", "rightsHolder": "Observer {1}",
    "references": "https://www.inaturalist.org/observations/{0}", "institutionCode": "iNaturalist",
    "collectionCode": "Observations", "datasetName": "iNaturalist research-grade observations",
    "basisOfRecord": "HUMAN_OBSERVATION", "occurrenceID": "https://www.inaturalist.org/observations/{0}",
    "catalogNumber": "{0}", "recordedBy": "Observer {1}", "recordedByID": "https://orcid.org/0000-0000-0000-{1:04}",
    "lifeStage": "Adult", "occurrenceStatus": "PRESENT", "occurrenceRemarks": 'seen "close" to the path, {1}',
    "eventDate": "2022-02-17T14:18:40", "eventTime": "14:18:40-08:00", "year": "2022", "month": "2", "day": "17",
    "verbatimEventDate": "2022/02/17 2:18 PM PST", "continent": "NORTH_AMERICA", "countryCode": "US",
    "stateProvince": "California", "locality": "Trail {1}", "decimalLatitude": "37.{1:04}",
    "decimalLongitude": "-122.{1:04}", "coordinateUncertaintyInMeters": "12.0", "identificationID": "{0}",
    "identifiedBy": "Observer {1}", "dateIdentified": "2022-02-17T22:20:11", "taxonID": "{1}",
    "scientificName": "Parus major Linnaeus, 1758", "kingdom": "Animalia", "phylum": "Chordata", "class": "Aves",
    "order": "Passeriformes", "family": "Paridae", "genus": "Parus", "genericName": "Parus",
    "specificEpithet": "major", "taxonRank": "SPECIES", "taxonomicStatus": "ACCEPTED",
    "datasetKey": "50c9509d-22c7-4a22-a47d-8c48425ef4a7", "publishingCountry": "US",
    "lastInterpreted": "2022-03-01T09:12:13.456Z", "issue": "COORDINATE_ROUNDED;CONTINENT_DERIVED_FROM_COORDINATES",
    "mediaType": "StillImage", "hasCoordinate": "true", "hasGeospatialIssues": "false", "taxonKey": "9705453",
    "species": "Parus major", "acceptedScientificName": "Parus major Linnaeus, 1758", "protocol": "DWC_ARCHIVE",
}  # fmt: skip
PICTURE = {
    "gbifID": "{0}", "type": "StillImage", "format": "image/jpeg",
    "identifier": "https://inaturalist-open-data.s3.amazonaws.com/photos/{0}/original.jpg",
    "references": "https://www.inaturalist.org/photos/{0}", "title": "", "description": "", "source": "",
    "audience": "", "created": "2022-02-17T14:18:40-08:00", "creator": "Observer {1}", "contributor": "",
    "publisher": "iNaturalist", "license": "http://creativecommons.org/licenses/by-nc/4.0/",
    "rightsHolder": "Observer {1}",
}  # fmt: skip
FIRST_ID = 3_000_000_000


def make(path: Path, rows: int) -> None:
    """A download of that many rows."""
    gaps = {f"empty{number}": "" for number in range(COLUMNS - len(FILLED))}
    first, *others = FILLED
    mixed = [first]
    for place, name in enumerate([*others, *gaps]):
        mixed.insert(1 + place * 7 % len(mixed), name)  # the filled ones among the empty ones
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, columns, values in (
            ("occurrence.txt", mixed, FILLED | gaps), ("multimedia.txt", list(PICTURE), PICTURE),
        ):  # fmt: skip
            with archive.open(name, "w", force_zip64=True) as fd:
                fd.write(("\t".join(columns) + "\n").encode())
                template = "\t".join(values[one] for one in columns) + "\n"
                for block in _blocks(template, rows):
                    fd.write(block)


def _blocks(template: str, rows: int) -> Iterator[bytes]:
    for first in range(0, rows, BLOCK):
        numbers = range(first, min(first + BLOCK, rows))
        yield "".join([template.format(FIRST_ID + one, one % 9973) for one in numbers]).encode()


def list_images(path: Path, scratch: Path) -> int:
    """List the images; returns how many there are."""
    source = load_source("gbif", {"path": str(path)}, path.parent)
    with open_database(scratch, MEMORY_GB) as database:
        source.list_images(database)
        return database.value("SELECT count(*) FROM listed WHERE problem IS NULL AND species = 'Parus major'")


def main() -> None:
    """Measure, and print a table."""
    rows = []
    for count in [int(one) for one in sys.argv[1:]] or [2_000_000]:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name, "download.zip")
            make(path, count)
            one = measured(list_images, path, Path(name, "scratch"))
            assert one.value == count
            size = path.stat().st_size / 1e9
        rows.append({"rows": count, "zip, GB": size, "s": one.seconds, "CPU s": one.cpu, "MB": one.peak})
    show("Listing the images of a GBIF download", rows)


if __name__ == "__main__":
    main()
