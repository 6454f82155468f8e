"""What every source keeps, as tests to inherit.

    class TestMySource(SourceContract):
        @pytest.fixture
        def source(self, tmp_path):
            return MySource("mine", MySource.Settings(path=a_small_folder_of_images))

The source that the fixture gives must hold at least one image.
"""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

from ..config.base import Model
from ..core.values import RANKS, RawImage
from ..sources.base import Container, Source, signature, size

MAX_BYTES = 50_000_000


class SourceContract:
    """Inherit it and give a fixture ``source``."""

    def test_what_it_says_of_itself_fits_together(self, source: Source) -> None:
        """Columns, key, catalog, and what names and lists hang on."""
        assert issubclass(source.Settings, Model)
        assert all(field.description for field in source.Settings.model_fields.values())
        assert set(source.columns.values()) <= {int, str}
        assert source.key
        assert set(source.key) <= source.columns.keys()
        assert len(source.catalog) == len(source.columns)
        assert source.name_key in {*source.columns, "treeoflife_id"}
        assert set(re.findall(r"\{(\w+)\}", source.listed_as)) <= source.columns.keys()
        assert all(re.fullmatch("[a-z][a-z0-9_]*", column) for column in [*source.columns, *source.catalog])

    def test_it_can_be_sent_to_a_worker(self, source: Source) -> None:
        """It and its containers can be pickled; what comes out reads the same."""
        copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - pickled a moment ago
        assert copy.containers() == source.containers()
        for container in source.containers():
            assert pickle.loads(pickle.dumps(container)) == container  # noqa: S301 - pickled a moment ago
        assert everything(copy) == everything(source)

    def test_containers_are_in_a_fixed_order(self, source: Source) -> None:
        """Asked twice, the same."""
        assert source.containers()
        assert source.containers() == source.containers()

    def test_containers_have_names_that_are_files(self, source: Source) -> None:
        """Unique, also where case does not count, and without what a file system would refuse."""
        names = [container.name for container in source.containers()]
        assert len({name.lower() for name in names}) == len(names)
        assert not [name for name in names if not name or "/" in name or name.startswith(".") or len(name) > 200]
        assert {container.source for container in source.containers()} == {source.name}

    def test_containers_are_known_again_by_their_files(self, source: Source) -> None:
        """Files are there and in a fixed order; signature and size depend on them alone."""
        for container in source.containers():
            assert source.files(container) == source.files(container)
            assert all(path.is_file() for path in source.files(container))
            assert signature(source, container) == signature(source, container)
            assert size(source, container) >= 0

    def test_reading_twice_gives_the_same(self, source: Source) -> None:
        """The same images, in the same order, with the same bytes."""
        images = everything(source)
        assert images
        assert images == everything(source)

    def test_names_are_what_reading_gives_without_the_data(self, source: Source) -> None:
        """Cheaper, and not otherwise."""
        for container in source.containers():
            names = list(source.names(container))
            assert not any(image.data for image in names)
            assert names == [replace(image, data=b"") for image in source.read(container, MAX_BYTES)]

    def test_keys_are_of_the_types_of_the_columns(self, source: Source) -> None:
        """So that they fit the table in the mapping; text is text that can be written."""
        for image in _images(source):
            if image.key is not None:
                assert [type(part) for part in image.key] == list(source.columns.values())
            texts = [image.file, *(part for part in image.key or () if isinstance(part, str))]
            assert all(text and text.encode() for text in texts)

    def test_an_image_has_a_key_or_an_id_or_a_skip(self, source: Source) -> None:
        """What is neither could not be accounted for."""
        for image in _images(source):
            assert image.skip or (image.key is None) != (image.treeoflife_id is None)
            assert not (image.key and image.treeoflife_id)

    def test_a_natural_key_occurs_once(self, source: Source) -> None:
        """In a source without duplicates, by the columns of the key alone."""
        places = [list(source.columns).index(column) for column in source.key]
        keys = [tuple(image.key[place] for place in places) for image in _images(source) if image.key]
        assert len(set(keys)) == len(keys)

    def test_a_file_that_is_too_long_comes_without_data_and_with_a_skip(self, source: Source) -> None:
        """It is never held in memory, and it is not lost."""
        whole = _images(source)
        limit = max(len(image.data) for image in whole) - 1
        short = [image for container in source.containers() for image in source.read(container, limit)]
        assert [(image.file, image.key, image.treeoflife_id) for image in short] == [
            (image.file, image.key, image.treeoflife_id) for image in whole
        ]
        for image, before in zip(short, whole, strict=True):
            if len(before.data) > limit:
                assert image.data == b""
                assert image.skip
                assert image.skip.reason == "too-many-bytes"
            else:
                assert image == before

    def test_a_reader_may_stop_early(self, source: Source) -> None:
        """A stream that is closed halfway leaves nothing that keeps the next from reading."""
        container = source.containers()[0]
        stream = iter(source.read(container, MAX_BYTES))
        first = next(stream, None)
        del stream
        assert next(iter(source.read(container, MAX_BYTES)), None) == first

    def test_labels_hang_on_keys_of_the_source(self, source: Source) -> None:
        """A label's key is the name key of an image, as text; there is one label for a key."""
        labels = list(source.labels())
        assert all(path.is_file() for path in source.label_files())
        assert len({label.name_key for label in labels}) == len(labels)
        there = {_name_key(source, image) for image in _images(source) if image.key}
        assert not labels or there & {label.name_key for label in labels}
        for label in labels:
            assert len(label.taxon) == len(RANKS)
            assert all(isinstance(part, str) for part in (*label.taxon, label.scientific_name, label.common))


def _images(source: Source) -> list[RawImage]:
    return [image for _, image in everything(source)]


def everything(source: Source) -> list[tuple[Container, RawImage]]:
    """Every image of a source, with its container."""
    return [(container, image) for container in source.containers() for image in source.read(container, MAX_BYTES)]


def _name_key(source: Source, image: RawImage) -> str:
    values = dict(zip(source.columns, image.key or (), strict=True))
    if source.name_key == "treeoflife_id":
        return "/".join(str(values[column]) for column in source.key)
    return str(values[source.name_key])
