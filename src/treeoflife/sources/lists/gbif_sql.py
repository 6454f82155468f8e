"""SQL that makes the table ``listed`` of the tables of an archive of Darwin Core.

Tables that come in, all of texts, empty where there is nothing, with ``id``, ``file``, ``line`` and ``problem``:

- ``gbif_core``: the core of the archive, with SUBJECT_TERMS: occurrences, events or taxa.
- ``gbif_occurrence``: the occurrences of events, likewise.
- ``gbif_media_row``: its extensions that list media, with MEDIA_TERMS.

Those that are made of them are ``gbif_medium``, a row per picture or recording; ``gbif_duplicate``, the ids that
several rows of the core have; and ``gbif_subject``, what pictures show.
"""

from collections.abc import Mapping, Sequence

from ...core.database import column, columns
from ...core.values import RANKS
from ..places import place_of

SUBJECT_TERMS = (
    *RANKS, "genericName", "specificEpithet", "scientificName", "taxonRank", "vernacularName", "issue",
    "occurrenceStatus", "basisOfRecord", "recordedBy", "decimalLatitude", "decimalLongitude", "locality", "locationID",
    "references", "license", "rights", "rightsHolder", "occurrenceID", "gbifID", "associatedMedia",
)  # fmt: skip
MEDIA_TERMS = (
    "type", "format", "accessURI", "goodQualityAccessURI", "identifier", "references", "furtherInformationURL",
    "license", "UsageTerms", "rights", "WebStatement", "rightsHolder", "Owner", "creator", "title", "occurrenceID",
)  # fmt: skip
_NAMES = (*RANKS, "genericName", "specificEpithet", "scientificName", "taxonRank", "vernacularName", "issue")
_SHARED = tuple(term for term in SUBJECT_TERMS if term not in (*_NAMES, "occurrenceStatus"))

# By what their types, formats and addresses end with, or begin with. What none of them knows is taken for an image:
# whoever asks for it sees whether it is one.
_IMAGE_TYPES = "'stillimage', 'image', 'photo', 'photograph', 'picture'"
_OTHER_TYPES = (
    "'sound', 'audio', 'movingimage', 'video', 'text', 'dataset', 'interactiveresource', 'collection', 'event', "
    "'service', 'software', 'physicalobject'"
)
_IMAGE_SUFFIXES = "'jpg', 'jpeg', 'jpe', 'png', 'gif', 'tif', 'tiff', 'bmp', 'webp', 'jp2', 'heic', 'avif', 'svg'"
_OTHER_SUFFIXES = (
    "'mp3', 'wav', 'm4a', 'ogg', 'oga', 'flac', 'aac', 'wma', 'aif', 'aiff', 'mp4', 'm4v', 'mov', 'avi', 'mpg', "
    "'mpeg', 'webm', 'mkv', 'wmv', 'flv', 'ogv', '3gp', 'pdf', 'html', 'htm', 'xml', 'txt', 'csv', 'json', 'doc', "
    "'docx', 'zip', 'obj', 'ply', 'stl', 'glb'"
)


def _first(*values: str) -> str:
    """The first of several texts that is not empty."""
    choices = ", ".join(f"nullif({value}, '')" for value in values)
    return f"coalesce({choices}, '')"


MEDIA = f"""
    WITH media AS (
        SELECT
            id, file, line, problem, title, {{further}}
            {{occurrence}} AS occurrence,
            {_first("accessURI", "goodQualityAccessURI", "identifier")} AS url,
            type, format,
            {_first('"references"', "furtherInformationURL")} AS source_url,
            {_first("license", "UsageTerms", "rights")} AS license_name,
            WebStatement AS license_link,
            {_first("rightsHolder", "Owner", "creator")} AS copyright_owner
        FROM ({{rows}})
    ),
    worded AS (
        SELECT
            *,
            regexp_replace(lower(regexp_extract(type, '[^/#:]*$')), '[^a-z]', '', 'g') AS type_word,
            lower(format) AS format_word,
            regexp_extract(lower(url), '^[^?#]*\\.([a-z0-9]+)(?:[?#]|$)', 1) AS suffix
        FROM media
    )
    SELECT
        * EXCLUDE (type, format, type_word, format_word, suffix),
        CASE
            WHEN problem IS NOT NULL OR type_word IN ({_IMAGE_TYPES}) THEN 'image'
            WHEN type_word IN ({_OTHER_TYPES}) THEN type
            WHEN format_word LIKE 'image/%' OR ltrim(format_word, '.') IN ({_IMAGE_SUFFIXES}) THEN 'image'
            WHEN format_word LIKE '_%/_%' OR ltrim(format_word, '.') IN ({_OTHER_SUFFIXES}) THEN format
            WHEN suffix IN ({_OTHER_SUFFIXES}) THEN suffix
            ELSE 'image'
        END AS medium
    FROM worded
"""
"""A row per picture or recording; ``medium`` is what it is, ``image`` or a word of the archive. ``further`` are columns
to take over as they are, each followed by a comma."""

_NOT_ASSOCIATED = [term for term in MEDIA_TERMS if term not in ("identifier", "occurrenceID")]
ASSOCIATED_MEDIA = f"""
    SELECT *, {", ".join(f"'' AS {column(term)}" for term in _NOT_ASSOCIATED)}
    FROM (
        SELECT
            id, file, line, problem, occurrenceID,
            trim(unnest(string_split(regexp_replace(associatedMedia, '[;,\\s]+(https?://)', '|\\1', 'g'), '|')))
                AS identifier
        FROM {{table}}
    )
    WHERE identifier <> ''
"""
"""The media that rows of occurrences name themselves, with bars between them, as rows of ``gbif_media_row``."""

MEDIA_ROWS = f"""
    FROM gbif_media_row
    UNION ALL BY NAME
    SELECT * FROM ({ASSOCIATED_MEDIA}) ANTI JOIN gbif_media_row USING (id)
"""
"""The media of the extensions, and those that rows without any there name themselves."""

DUPLICATES = "SELECT id, min(line) AS line FROM gbif_core GROUP BY id HAVING count(*) > 1"

SUBJECTS = "SELECT *, '' AS occurrence FROM gbif_core ANTI JOIN gbif_duplicate USING (id)"
"""What the images of an occurrence or taxon show: a row per id."""

_ALIKE = ", ".join(f"min({column(term)}) AS {column(term)}" for term in ("occurrenceStatus", *_NAMES))
_SUBJECTS_OF_EVENTS = f"""
    WITH present AS (
        SELECT
            *,
            lower(occurrenceStatus) = 'absent' AS is_absent,
            unnest(list_distinct(if(is_absent, [nullif(occurrenceID, '')], [occurrenceID, '']))) AS occurrence
        FROM gbif_occurrence
    ),
    own AS (
        SELECT
            id, occurrence, min(problem) AS problem,
            count(DISTINCT ({columns(_NAMES)})) AS names,
            {_ALIKE},
            {{agreed}}
        FROM present
        WHERE occurrence IS NOT NULL
        GROUP BY id, occurrence
    )
    SELECT
        event.id,
        coalesce(own.occurrence, '') AS occurrence,
        coalesce(event.problem, own.problem, CASE WHEN own.names > 1 THEN
            'the event ' || event.id || ' has ' || own.names || ' different names, and the archive does not say which '
            'of them the image shows' END) AS problem,
        {columns(("occurrenceStatus", *_NAMES), "own")},
        {{of_either}}
    FROM (FROM gbif_core ANTI JOIN gbif_duplicate USING (id)) AS event
    LEFT JOIN own USING (id)
"""


def subjects_of_events(further: Sequence[str]) -> str:
    """SQL for what the images of an event show: a row per event and occurrence, and one for all its occurrences.

    Args:
        further: columns to take over beside those that are always read.
    """
    shared = [*_SHARED, *further]
    # What occurrences of one event do not agree about is of none of them: the licence of one beside the owner of
    # another would be nobody's.
    agreed = (
        f"if(min({column(term)}) = max({column(term)}), min({column(term)}), '') AS {column(term)}" for term in shared
    )
    of_either = (f"{_first(column(term, 'own'), column(term, 'event'))} AS {column(term)}" for term in shared)
    return _SUBJECTS_OF_EVENTS.format(agreed=", ".join(agreed), of_either=", ".join(of_either))


_PLACE = "concat(medium.file, ', line ', medium.line)"
_SPECIES = """CASE
            WHEN subject.species <> '' THEN subject.species
            WHEN subject.genericName IN ('', subject.genus) OR subject.genus = '' THEN subject.specificEpithet
        END"""
_COORDINATES = place_of("subject.decimalLatitude", "subject.decimalLongitude")
_LEFT_OUT = """CASE
            WHEN subject.problem IS NOT NULL THEN NULL
            WHEN lower(subject.occurrenceStatus) = 'absent' THEN 'absent'
            WHEN len($basis) > 0 AND NOT list_contains($basis, subject.basisOfRecord) THEN 'basis'
        END"""
LISTED = f"""
    SELECT
        nullif(medium.id, '') AS gbif_id,
        if(medium.problem IS NULL, nullif(medium.url, ''), NULL) AS identifier,
        medium.url,
        {columns(RANKS[:5], "subject")},
        {_first("subject.genus", "subject.genericName")} AS genus,
        {_SPECIES} AS species,
        subject.scientificName AS scientific_name,
        subject.taxonRank AS taxon_rank,
        subject.vernacularName AS common_name,
        {{observation}} AS observation,
        subject.recordedBy AS observer,
        coalesce(nullif({_COORDINATES}, ''), {_first("subject.locality", "subject.locationID")}) AS place,
        medium.id AS source_id,
        'gbif' AS data_source,
        coalesce(
            nullif(medium.source_url, ''),
            nullif(subject."references", ''),
            'https://www.gbif.org/occurrence/' || nullif(subject.gbifID, ''),
            if(subject.occurrenceID LIKE 'http%', subject.occurrenceID, '')
        ) AS source_url,
        {_first("medium.license_name", "subject.license", "subject.rights")} AS license_name,
        medium.license_link,
        {_first("medium.copyright_owner", "subject.rightsHolder")} AS copyright_owner,
        medium.title,
        subject.issue AS flags,
        CASE
            WHEN medium.problem IS NOT NULL THEN medium.problem
            WHEN medium.url = '' THEN {_PLACE} || ' gives no address of the image'
            WHEN NOT regexp_matches(medium.url, '^https?://[^/?#]', 'i')
                THEN {_PLACE} || ' gives ' || medium.url[:200] || ', which is no address on the web'
            WHEN duplicate.id IS NOT NULL
                THEN 'several rows of ' || $core || ' have the id ' || medium.id || ', the first on line '
                    || duplicate.line
            WHEN subject.id IS NULL THEN 'no row of ' || $core || ' has the id ' || medium.id
            ELSE subject.problem
        END AS problem
    FROM gbif_medium AS medium
    LEFT JOIN gbif_duplicate AS duplicate ON medium.id = duplicate.id
    LEFT JOIN gbif_subject AS subject ON medium.id = subject.id AND medium.occurrence = subject.occurrence
    WHERE
        medium.medium = 'image'
        AND (medium.problem IS NOT NULL OR {_LEFT_OUT} IS NULL)
"""
LEFT_OUT = f"""
    SELECT {_LEFT_OUT} AS why, count(*)
    FROM gbif_medium AS medium
    JOIN gbif_subject AS subject ON medium.id = subject.id AND medium.occurrence = subject.occurrence
    WHERE medium.medium = 'image' AND medium.problem IS NULL AND why IS NOT NULL
    GROUP BY why
    ORDER BY why
"""
"""How many images are not among them, and why."""
OTHER_MEDIA = "SELECT medium, count(*) FROM gbif_medium WHERE medium <> 'image' GROUP BY medium ORDER BY medium"
"""What else there is, and how much of it."""


def values(further: Mapping[str, str]) -> str:
    """SQL for columns of each image: that of the table of media, or else that of what the image shows.

    Args:
        further: what the columns are called in ``gbif_medium`` and ``gbif_subject``, by their new names.
    """
    chosen = (
        f"{_first(column(own, 'medium'), column(own, 'subject'))} AS {column(name)}" for name, own in further.items()
    )
    return f"""
        SELECT nullif(medium.id, '') AS gbif_id, nullif(medium.url, '') AS identifier, {", ".join(chosen)}
        FROM gbif_medium AS medium
        LEFT JOIN gbif_subject AS subject ON medium.id = subject.id AND medium.occurrence = subject.occurrence
        WHERE medium.medium = 'image' AND medium.problem IS NULL
    """
