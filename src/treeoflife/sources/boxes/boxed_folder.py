"""A folder of photographs with boxes: each box is an image of its own, which is cut out when it is encoded."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from ...config.base import Model
from ...core.database import Database
from ...core.files import stamp
from ...core.json_reader import parse_json
from ...core.values import WHOLE, BoundingBox, Label, RawImage, Skip, joined
from ..base import Container
from ..containers.image_folders import load_image
from ..file_names import escape_invalid_utf8
from ..folder import Folder, Settings
from .box_files import read_boxes
from .box_survey import DOUBTFUL, NO_ANIMAL, NO_AREA, NO_BOX, BoxSurvey

_NOT_IN_FOLDER = "box-not-in-folder"
"""The name of the container of photographs that the file of boxes names, and the folder lacks."""


class BoxedFolder(Folder):
    """The boxes in the images of a folder, identified by the path of the image and the box's id or coordinates."""

    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str, "box": str}
    key: ClassVar[tuple[str, ...]] = ("filename", "box")

    def __init__(self, name: str, settings: Model) -> None:
        super().__init__(name, settings)
        assert isinstance(settings, Settings)
        assert settings.boxes
        self.boxes, self._threshold, self._whole = settings.boxes, settings.box_threshold, settings.without_box == WHOLE
        self.catalog = (f"{name}_filename", f"{name}_box")
        self._last_boxes: tuple[str, BoxSurvey] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_last_boxes": None}

    def containers(self) -> list[Container]:
        """The photographs with boxes in parts, with their boxes; and what becomes no image of it, by reason.

        Raises:
            InputError: as for a folder without boxes; or the boxes cannot be read, or none is in a photograph.
            MissingExtra: as for a folder without boxes.
        """
        survey = self.look()
        boxes = self._look_at_boxes()
        of_image = boxes.by_image()
        whole = f'[["{WHOLE}"]]'
        parts = (
            replace(
                part,
                instructions=f"[{','.join(of_image.get(escape_invalid_utf8(one), whole) for one in part.members)}]",
            )
            for part in self.parts(boxes.boxed)
        )
        skipped = {**boxes.skipped, _NOT_IN_FOLDER: boxes.missing}
        others = [Container(self.name, reason, self.path, tuple(texts)) for reason, texts in skipped.items() if texts]
        return [*parts, *others, *self.without_images(survey)]

    def box_survey(self) -> BoxSurvey:
        """What the boxes are, as they were last read; they are read again if their file or the table has changed.

        Raises:
            InputError: as :meth:`containers` does.
        """
        known = self._last_boxes
        return known[1] if known and known[0] == self._box_stamp() else self._look_at_boxes()

    def _look_at_boxes(self) -> BoxSurvey:
        before, photos = self._box_stamp(), self.survey()
        file = read_boxes(self.boxes, photos.images)
        boxes = BoxSurvey.of(self.boxes, file, photos, self._threshold, whole=self._whole, root=self.path)
        self._last_boxes = before, boxes
        return boxes

    def _box_stamp(self) -> str:
        return "".join(stamp(path) if path.exists() else "-" for path in self.label_files())

    def remarks(self) -> list[str]:
        """What was guessed or repaired in the table and in the boxes, and what becomes no image."""
        boxes = self.box_survey()
        return [*super().remarks(), *(f"{self.boxes.name}: {remark}" for remark in (boxes.found, *boxes.remarks))]

    def files(self, container: Container) -> list[Path]:
        """The images of one part; none for what is no image."""
        absent = container.name in (NO_BOX, NO_ANIMAL, NO_AREA, DOUBTFUL, _NOT_IN_FOLDER)
        return [] if absent else super().files(container)

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The boxes of each image, with the data of the image, which is read once; only if one is in ``part``."""
        if not container.instructions:
            yield from super().read(container, max_bytes)
            return
        position = 0
        for path, images in self._boxes_of(container):
            wanted = [container.includes(number) for number in range(position, position + len(images))]
            position += len(images)
            whole = load_image(images[0], path, max_bytes) if any(wanted) else images[0]
            for image, is_wanted in zip(images, wanted, strict=True):
                yield replace(image, data=whole.data, skip=whole.skip) if is_wanted else image

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        if not container.instructions:
            return super().names(container)
        return (image for _, images in self._boxes_of(container) for image in images)

    def _boxes_of(self, container: Container) -> Iterator[tuple[Path, list[RawImage]]]:
        boxes = parse_json(container.instructions, own=True)
        for member, of_image in zip(container.members, boxes, strict=True):
            name = escape_invalid_utf8(member)
            yield container.path / member, [_image(name, *box) for box in of_image]

    def skipped(self, container: Container) -> Iterator[RawImage] | None:
        details = {
            NO_BOX: f"{self.boxes.name} has no box in it that is used",
            NO_ANIMAL: f"{self.boxes.name} says that a person or vehicle is in the box",
            NO_AREA: "the box has no width or no height",
            DOUBTFUL: f"{self.boxes.name} names it, and several files or names fit: write its whole path",
        }
        if container.name == _NOT_IN_FOLDER:
            skip = Skip("no-file", f"{self.boxes.name} names it, the folder lacks it")
        elif container.name in details:
            skip = Skip(container.name, details[container.name])
        else:
            return super().skipped(container)
        return (RawImage(self.below(file), None, skip=skip) for file in container.members)

    def label_files(self) -> list[Path]:
        """The table, if there is one, and the file of boxes."""
        return [*super().label_files(), self.boxes]

    def labels(self) -> Iterator[Label]:
        """The label of each box, which is its own, or that of its photograph.

        Raises:
            InputError: as :meth:`containers` does; or the table labels a photograph in two ways.
        """
        boxes = self.box_survey()
        of_images = boxes.image_labels() | {label.name_key: label for label in super().labels()}
        for image, key, label in boxes.labels(of_images):
            yield replace(label, name_key=joined((image, key)))

    def about(self, database: Database) -> bool:
        """What is known of each box beside its name: the boxes of a photograph are one observation.

        Raises:
            InputError: as :meth:`containers` does.
        """
        database.load("about", self.box_survey().about(self.survey().about()))
        return True

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of the table for each box, which are those of its photograph.

        Raises:
            InputError: as :meth:`containers` does.
        """
        boxes, values = self.box_survey().about(None).select("filename", "box"), self.photo_values(wanted)
        database.load("said", boxes.join(values, left_on="filename", right_on="file"))


def _image(name: str, key: str, *numbers: float | None) -> RawImage:
    """The image of a box; without numbers, the whole photograph."""
    if not numbers:
        return RawImage(name, (name, key))
    x, y, width, height, *frame = numbers
    assert x is not None
    assert y is not None
    assert width is not None
    assert height is not None
    across, down = frame
    size = (across, down) if across and down else None
    return RawImage(f"{name}, box {key}", (name, key), box=BoundingBox(x, y, width, height, size))
