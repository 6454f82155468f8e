"""Scores from the JSON of detectors and classifiers of camera traps: MegaDetector and SpeciesNet.

A photograph gets the highest confidence of each category of boxes, and 0 where it has no box of it: detectors leave out
boxes below a threshold. A photograph that could not be analysed has no values.

Of MegaDetector both formats are read: https://lila.science/megadetector-output-format, and the list that the newer
package writes. SpeciesNet's is described at https://github.com/google/cameratrapai.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import polars as pl

from ...core.database import Database
from ...core.json_reader import begin_json
from ...errors import InputError
from ...sources.boxes.json_records import JSON_ERRORS, categories, has_key, problem, records

FILE = "file"
Kind = Literal["megadetector", "speciesnet"]
_OF_MEGADETECTOR = ("animal", "person", "vehicle")
_OF_SPECIESNET = ("animal", "human", "vehicle")
_PREDICTION = ("prediction", "prediction_label", "prediction_source")
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Detections:
    """A file of detections.

    Attributes:
        list_kind: whether the records are a list, and not in an object.
        labels: the categories of boxes, each of which is a column of numbers.
    """

    path: Path
    kind: Kind
    list_kind: bool
    labels: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> "Detections | None":
        """The file at a path, recognised by its content; None if it is no JSON.

        Raises:
            InputError: it is JSON of another kind, or cannot be read.
        """
        try:
            with path.open("rb") as fd:
                start = begin_json(fd.read(4096))[1]
            if start not in ("{", "["):
                return None
            return cls._recognised(path, is_list=start == "[")
        except FileNotFoundError:
            raise InputError(f"there is no table {path}") from None
        except JSON_ERRORS as error:
            raise InputError(f"the detections {path} cannot be read: {problem(error)}") from None

    @classmethod
    def _recognised(cls, path: Path, *, is_list: bool) -> "Detections":
        if not is_list and has_key(path, "predictions"):
            return cls(path, "speciesnet", False, _OF_SPECIESNET)
        if not is_list and has_key(path, "detection_categories"):
            names = categories(path, "detection_categories").values()
            return cls(path, "megadetector", False, tuple(dict.fromkeys((*_OF_MEGADETECTOR, *names))))
        if is_list and has_key(path, "detections"):
            return cls(path, "megadetector", True, _OF_MEGADETECTOR)
        raise ValueError(
            "it is neither MegaDetector's format (images, detection_categories) nor SpeciesNet's (predictions)"
        )

    @property
    def columns(self) -> list[str]:
        """The columns beside the file."""
        return [*self.labels, *(("prediction_score", *_PREDICTION) if self.kind == "speciesnet" else ())]

    @property
    def texts(self) -> Sequence[str]:
        """Those of them that hold texts."""
        return _PREDICTION if self.kind == "speciesnet" else ()

    def open(self, database: Database, name: str, number: str) -> None:
        """Make the photographs known to a database as the table ``name``: file, the columns, and the number of each.

        Args:
            number: what the column with the number of a record is called.

        Raises:
            InputError: a record is not as the format says.
        """
        texts = {FILE, *self.texts}
        kinds: dict[str, Any] = {one: pl.String if one in texts else pl.Float64 for one in (FILE, *self.columns)}
        schema = pl.Schema({number: pl.Int64, **kinds})
        try:
            database.spool(name, _frames(self._rows(), schema), schema)
        except JSON_ERRORS as error:
            raise InputError(f"the detections {self.path} cannot be read: {problem(error)}") from None

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        names = {} if self.list_kind else categories(self.path, "detection_categories")
        place = "item" if self.list_kind else "predictions.item" if self.kind == "speciesnet" else "images.item"
        for line, record in enumerate(records(self.path, place), 1):
            if self.kind == "speciesnet":
                yield (line, str(record["filepath"]), *self._confidences(record, {}), *_prediction(record))
            else:
                yield (line, str(record["file"]), *self._confidences(record, names))

    def _confidences(self, record: dict[str, Any], names: dict[str, str]) -> list[float | None]:
        """The highest confidence of each label; None of each if the photograph was not analysed."""
        found = record.get("detections")
        if found is None or (record.get("failure") and not found) or "DETECTOR" in (record.get("failures") or ()):
            return [None] * len(self.labels)
        best = dict.fromkeys(self.labels, 0.0)
        for box in found:
            confidence = float(box["conf"] if "conf" in box else box["confidence"])
            category = str(box.get("label") or names.get(str(box["category"]), box["category"]))
            # A category without a name is no detection, by the format.
            if category in best:
                best[category] = max(best[category], confidence)
        return list(best.values())


def _prediction(record: dict[str, Any]) -> tuple[float | None, str | None, str | None, str | None]:
    """The score of a prediction, its name, its label, and what made it.

    A label is an id, five ranks from the class on, and a common name, with semicolons between them.
    """
    label, score = record.get("prediction"), record.get("prediction_score")
    name = str(label).rpartition(";")[2] if label else None
    source = record.get("prediction_source")
    return (None if score is None else float(score), name, label and str(label), source and str(source))


def _frames(rows: Iterable[tuple[Any, ...]], schema: pl.Schema) -> Iterator[pl.DataFrame]:
    left = iter(rows)
    while batch := list(islice(left, _ROWS_AT_ONCE)):
        yield pl.DataFrame(batch, schema=schema, orient="row")
