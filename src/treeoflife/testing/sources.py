"""The tests that every source must pass.

    class TestMySource(SourceContract):
        @pytest.fixture
        def source(self, tmp_path):
            return MySource("mine", MySource.Settings(path=a_small_folder_of_images))

The source of the fixture must have at least one image.
"""

import pickle
import re
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from ..config.base import Model
from ..core.database import open_database
from ..core.values import RANKS, Key, RawImage, joined
from ..mapping.build import write_ids
from ..mapping.images import catalog_names
from ..sources.base import Container, Source, container_size, signature
from ..sources.columns import check_columns

MAX_BYTES = 50_000_000
# Most file systems allow 255 bytes; the store and the reports add endings.
_MAX_NAME_LENGTH = 200


class SourceContract:
    """Inherit it, and define a fixture ``source``."""

    def test_attributes_are_consistent(self, source: Source) -> None:
        """Settings have descriptions; keys, lists and labels refer to columns."""
        assert issubclass(source.Settings, Model)
        assert source.Settings.model_fields.keys() <= source.Settings.explanations().keys()
        assert set(source.columns.values()) <= {int, str}
        assert source.key
        assert set(source.key) <= source.columns.keys()
        assert len(source.catalog) == len(source.columns)
        assert source.name_key in {*source.columns, "treeoflife_id"}
        assert set(re.findall(r"\{(\w+)\}", source.listed_as)) <= source.columns.keys()
        check_columns(source)

    def test_pickling_preserves_source_and_containers(self, source: Source) -> None:
        """They are sent to workers; the copy reads the same images."""
        copy = pickle.loads(pickle.dumps(source))  # noqa: S301 - pickled a moment ago
        assert copy.containers() == source.containers()
        for container in source.containers():
            assert pickle.loads(pickle.dumps(container)) == container  # noqa: S301 - pickled a moment ago
        assert read_all_images(copy) == read_all_images(source)

    def test_containers_are_in_a_fixed_order(self, source: Source) -> None:
        """Two calls return the same containers."""
        assert source.containers()
        assert source.containers() == source.containers()

    def test_container_names_are_unique_file_names(self, source: Source) -> None:
        """Also on file systems that ignore case."""
        names = [container.name for container in source.containers()]
        assert len({name.lower() for name in names}) == len(names)
        invalid = [name for name in names if not name or "/" in name or name.startswith(".")]
        assert not invalid
        assert all(len(name) <= _MAX_NAME_LENGTH for name in names)
        assert {container.source for container in source.containers()} == {source.name}

    def test_signature_and_size_depend_on_files_alone(self, source: Source) -> None:
        """The files exist, and are in a fixed order."""
        for container in source.containers():
            assert source.files(container) == source.files(container)
            assert all(path.is_file() for path in source.files(container))
            assert signature(source, container) == signature(source, container)
            assert container_size(source, container) >= 0

    def test_reading_twice_gives_the_same_images(self, source: Source) -> None:
        """In the same order, with the same bytes."""
        images = read_all_images(source)
        assert images
        assert images == read_all_images(source)

    def test_names_equal_read_without_data(self, source: Source) -> None:
        """``names`` is cheaper than ``read``, and yields the same images."""
        for container in source.containers():
            names = list(source.names(container))
            assert not any(image.data for image in names)
            assert names == [replace(image, data=b"") for image in source.read(container, MAX_BYTES)]

    def test_keys_have_the_types_of_the_columns(self, source: Source) -> None:
        """So that they fit the table in the mapping; texts can be encoded as UTF-8."""
        for image in _images(source):
            if image.key is not None:
                assert [type(part) for part in image.key] == list(source.columns.values())
            texts = [image.file, *(part for part in image.key or () if isinstance(part, str))]
            assert all(text and text.encode() for text in texts)

    def test_every_image_has_a_key_an_id_or_a_skip(self, source: Source) -> None:
        """Otherwise it could be neither a sample nor a row of the ledger."""
        for image in _images(source):
            assert image.skip or (image.key is None) != (image.treeoflife_id is None)
            assert not (image.key and image.treeoflife_id)

    def test_natural_keys_are_unique(self, source: Source) -> None:
        """In a source without duplicates, by the columns of the key."""
        indexes = [list(source.columns).index(column) for column in source.key]
        keys = [tuple(image.key[index] for index in indexes) for image in _images(source) if image.key]
        assert len(set(keys)) == len(keys)

    @pytest.mark.parametrize("ending", ["sqlite", "parquet"])
    def test_a_mapping_takes_every_key_under_any_name(self, source: Source, tmp_path: Path, ending: str) -> None:
        """Whatever table of dataset.toml makes the source, each image has an id of its own, and comes back by it."""
        keys = [image.key for image in _images(source) if image.key]
        for name in ("made_from", "select", "order_by", "x" * 41):
            other = copy(source)
            other.name = name
            assert _ids(other, keys, tmp_path / f"{name}.{ending}") == len(set(keys))

    @pytest.mark.parametrize("ending", ["sqlite", "parquet"])
    def test_keys_of_any_text_have_ids_of_their_own(self, source: Source, tmp_path: Path, ending: str) -> None:
        """Slashes in one part or the next, quotes, line breaks, accents, zeros before a number, other cases."""
        texts = (
            "a",
            "b",
            "c",
            "a/b",
            "b/c",
            "a/b/c",
            "A",
            "a%2Fb",
            "a%2Fb&c",
            "007",
            "7",
            "\u00e9",
            "e\u0301",
            "'\"\n\0;",
        )
        values: dict[type, tuple[int | str, ...]] = {int: (0, -1, 2**63 - 1), str: texts}
        columns = [column for column in source.columns if column in source.key]
        combinations = list(product(*(values[source.columns[column]] for column in columns)))
        rest: dict[str, int | str] = {column: 0 if kind is int else "x" for column, kind in source.columns.items()}
        rows = [rest | dict(zip(columns, parts, strict=True)) for parts in combinations[:3000]]
        keys = [tuple(row[column] for column in source.columns) for row in rows]
        assert _ids(source, keys, tmp_path / f"mapping.{ending}") == len(keys)
        parts = [tuple(row[column] for column in source.key) for row in rows]
        assert len({joined(part) for part in parts}) == len(parts)

    def test_a_file_over_the_limit_has_a_skip_and_no_data(self, source: Source) -> None:
        """It is never held in memory, and it is not lost."""
        images = _images(source)
        limit = max(len(image.data) for image in images) - 1
        limited = [image for container in source.containers() for image in source.read(container, limit)]
        assert [(image.file, image.key, image.treeoflife_id) for image in limited] == [
            (image.file, image.key, image.treeoflife_id) for image in images
        ]
        for image, whole in zip(limited, images, strict=True):
            if len(whole.data) > limit:
                assert image.data == b""
                assert image.skip
                assert image.skip.reason == "too-many-bytes"
            else:
                assert image == whole

    def test_reading_may_stop_early(self, source: Source) -> None:
        """An abandoned stream does not disturb the next one."""
        container = source.containers()[0]
        stream = iter(source.read(container, MAX_BYTES))
        first = next(stream, None)
        del stream
        assert next(iter(source.read(container, MAX_BYTES)), None) == first

    def test_labels_refer_to_keys_of_the_source(self, source: Source) -> None:
        """The key of a label is the name key of an image, as text; no two labels have the same key."""
        labels = list(source.labels())
        assert all(path.is_file() for path in source.label_files())
        label_keys = {label.name_key for label in labels}
        assert len(label_keys) == len(labels)
        image_keys = {_name_key(source, image) for image in _images(source) if image.key}
        assert not labels or image_keys & label_keys
        for label in labels:
            assert len(label.taxon) == len(RANKS)
            assert all(isinstance(part, str) for part in (*label.taxon, label.scientific_name, label.common))


def read_all_images(source: Source) -> list[tuple[Container, RawImage]]:
    """All images of a source, each with its container."""
    return [(container, image) for container in source.containers() for image in source.read(container, MAX_BYTES)]


def _images(source: Source) -> list[RawImage]:
    return [image for _, image in read_all_images(source)]


def _ids(source: Source, keys: Sequence[Key], path: Path) -> int:
    """Write a mapping of images with these natural keys and read it; returns the number of ids."""
    types = {int: pl.Int64, str: pl.String}
    schema = {column: types[kind] for column, kind in source.columns.items()}
    frame = pl.DataFrame(keys, schema=schema, orient="row").unique(source.key, maintain_order=True)
    with open_database(path.with_suffix(".scratch")) as database:
        write_ids(database, path, [source], {}, {source.name: [frame]})
    rows = pl.read_parquet(path, glob=False).rename({new: old for old, new in catalog_names(source).items()})
    assert rows.select(frame.columns).sort(source.key).equals(frame.sort(source.key))
    return rows["treeoflife_id"].n_unique()


def _name_key(source: Source, image: RawImage) -> str:
    values = dict(zip(source.columns, image.key or (), strict=True))
    if source.name_key == "treeoflife_id":
        return joined(values[column] for column in source.key)
    return str(values[source.name_key])
