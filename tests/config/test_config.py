"""dataset.toml: strict, documented, and written as it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import ValidationError

from treeoflife.config.base import Model
from treeoflife.config.config import Config, describe_errors, load, parse
from treeoflife.config.tables import Holdout, MinShards, Names, Splits, Wds
from treeoflife.config.writer import render_config
from treeoflife.errors import ConfigError
from treeoflife.pipeline.discover import discover
from treeoflife.sources.registry import load_source, settings_class, source_kinds
from treeoflife.testing.world import World

PLACED: Any = {"sources": True, "download": {"path"}}
"""What is taken from the folder of the file."""
EOL: dict[str, Any] = {"sources": {"eol": {"path": "x"}}}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"sed": 1}, "unknown key 'sed'"),
        ({"wds": {"max_sample": 1}}, r"'wds.max_sample' \(max_samples\?\)"),
        ({"wds": {"min_shards": {"test": 1}}}, "wds.min_shards.test"),
        ({"wds": {"order": "random"}}, "wds.order"),
        ({"splits": {"val_percent": 101}}, "splits.val_percent"),
        ({"splits": {"val_percent": -1}}, "splits.val_percent"),
        ({"images": {"size": [0, 224]}}, "images.size"),
        ({"images": {"quality": 101}}, "images.quality"),
        ({"images": {"filter": "nearest"}}, "images.filter"),
        ({"holdout": [{"paht": "x"}]}, r"'holdout.0.paht' \(path\?\)"),
        ({"engine": {"workers": "many"}}, "engine.workers"),
    ],
)
def test_a_wrong_key_or_value_is_named(table: dict[str, Any], key: str) -> None:
    """With its place in the tables."""
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        parse(EOL | table, Path())


def test_the_sources_are_needed() -> None:
    """There is no dataset without one."""
    with pytest.raises(ConfigError, match="sources"):
        parse({}, Path())


def _models() -> Iterator[tuple[tuple[str, ...], type[Model]]]:
    """Every table of a dataset.toml, with the keys that lead to it."""

    def below(keys: tuple[str, ...], model: type[Model]) -> Iterator[tuple[tuple[str, ...], type[Model]]]:
        yield keys, model
        for name, field in model.model_fields.items():
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, Model):
                    yield from below((*keys, name), kind)

    yield from below((), Config)
    for kind in source_kinds():
        yield from below(("sources", kind), settings_class(kind, kind))


def _fields() -> list[tuple[str, tuple[str, ...], str, Any]]:
    fields = [(keys, name, field) for keys, model in _models() for name, field in model.model_fields.items()]
    return [(".".join((*keys, name)), keys, name, field.annotation) for keys, name, field in fields]


def _wrong_values(kind: Any) -> Iterator[Any]:
    """Values that are not of a type: all that Python or pydantic would take for one."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if rows := next((one for one in kinds if get_origin(one) is tuple and len(kinds) > 1), None):
        yield from (one for one in _wrong_values(rows) if not isinstance(one, str))
    elif get_origin(kind) is tuple:
        yield from ("", "itis", True, 5, {"a": 1}, [["a"]], [{"a": [1]}], [True, {}])
        yield from ([value] for value in _wrong_values(_bare(get_args(kind)[0])))
    elif get_origin(kind) is dict:
        yield from ("", True, 5, ["a"])
    elif Path in kinds:
        yield from (True, 5, 1.5, ["a"], {"a": 1}, "", "  ", "a\0b")
    elif isinstance(kind, type) and issubclass(kind, Model):
        yield from (True, 5, "a", ["a"], {"no such key": 1})
    elif get_origin(kind) is Literal:
        yield from (True, 5, "no such value", ["a"], {})
        yield from {""}.difference(get_args(kind))
    else:
        wrong = {
            bool: (1, 0, "true", 1.0, [True]), str: (True, 5, 1.5, ["a"], "a\0b"),
            int: (True, False, 1.0, 1.5, "1", math.nan, math.inf, 2**70, -(2**70), [1]),
            float: (True, False, "1.5", math.nan, math.inf, -math.inf, -1, 1e300, [1.5]),
        }  # fmt: skip
        yield from next(wrong[one] for one in kinds if one in wrong)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


@pytest.mark.parametrize(("where", "keys", "name", "kind"), _fields(), ids=[field[0] for field in _fields()])
def test_no_key_takes_a_value_of_another_type(where: str, keys: tuple[str, ...], name: str, kind: Any) -> None:
    """``true`` is no number, a text neither, an empty text no path, and no number is without end."""
    model = dict(_models())[keys]
    for value in _wrong_values(kind):
        with pytest.raises(ValidationError) as refused:
            model.model_validate({name: value})
        message = describe_errors(refused.value, model)
        assert name in message, (value, message)


@pytest.mark.parametrize("keys", [keys for keys, _ in _models()], ids=lambda keys: ".".join(keys) or "the file")
def test_a_key_that_is_nearly_right_is_named_with_the_right_one(keys: tuple[str, ...]) -> None:
    model = dict(_models())[keys]
    for name in (name for name in model.model_fields if len(name) > 3):
        wrong = name[:-1] if name[:-1] not in model.model_fields else f"{name}x"
        with pytest.raises(ValidationError) as refused:
            model.model_validate({wrong: 1})
        assert f"unknown key '{wrong}' ({name}?)" in describe_errors(refused.value, model)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 100_000, "nested"),
        ("a = " + "{b = " * 5000 + "1" + "}" * 5000, "nested"),
        (".".join(["a"] * 50_000) + " = 1", "nested"),
        ("[" + ".".join(["a"] * 50_000) + "]", "nested"),
        ("seed = " + "1" * 5000, "out of range"),
        ("seed = 2020-13-45", "Expected"),
        ("# " + "x" * 5_000_000, "characters"),
        ("seed = 1\nseed = 2", "overwrite"),
        ('seed = "\\ud800"', "TOML"),
        ("seed = \0", "TOML"),
    ],
    ids=["arrays", "tables", "keys", "headers", "digits", "a date", "length", "twice", "a surrogate", "NUL"],
)
def test_a_file_that_no_one_means_is_refused_with_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "dataset.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as refused:
        load(path)
    assert str(path) in str(refused.value)


def test_brackets_and_dots_in_texts_and_comments_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "dataset.toml"
    deep = "[" * 200 + "." * 200
    texts = f'\'{deep}\', "\\"{deep}", """\n"{deep}"""", \'\'\'\n{deep}\'\'\''
    path.write_bytes(f"\ufeff# {deep}\n[sources.eol]\npath = 'x'\n[licences]\nallow = [{texts}]\n".encode())
    assert [text.count("[") for text in load(path).licences.allow] == [200] * 4


@pytest.mark.parametrize(
    ("name", "table", "words"),
    [
        ("eol", {"paht": "x"}, "paht"),
        ("mine", {"path": "x"}, "unknown kind 'mine'"),
        ("Split", {"kind": "eol", "path": "x"}, "Split"),
        ("split", {"kind": "eol", "path": "x"}, "split"),
        ("a-b", {"kind": "eol", "path": "x"}, "a-b"),
    ],
)
def test_a_wrong_source_is_named(name: str, table: dict[str, Any], words: str) -> None:
    """Its name, its kind or its key."""
    with pytest.raises(ConfigError, match=words):
        load_source(name, table, Path())


def test_relative_paths_are_taken_from_the_file(tmp_path: Path) -> None:
    """Not from where the command runs."""
    (tmp_path / "dataset.toml").write_text(
        "[sources.eol]\npath = 'a'\n[mapping]\npublished = 'm'\n[[holdout]]\npath = 'h'\n"
    )
    config = load(tmp_path / "dataset.toml")
    assert config.mapping.published == tmp_path / "m"
    assert config.holdout[0].path == tmp_path / "h"


def test_the_scratch_folder_is_taken_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text("[sources.eol]\npath = 'a'\n[engine]\nscratch = 'fast'\n")
    assert load(tmp_path / "dataset.toml").engine.scratch == tmp_path / "fast"
    assert Config.model_validate(EOL).engine.scratch is None


@pytest.mark.parametrize("gigabytes", [0.05, 0.2])
def test_memory_that_is_too_little_for_tables_is_refused(tmp_path: Path, gigabytes: float) -> None:
    with pytest.raises(ConfigError, match=r"driver_memory_gb: should be at least 0\.25, or 0 for half"):
        parse(EOL | {"engine": {"driver_memory_gb": gigabytes}}, tmp_path)


def test_the_job_of_a_driver_has_memory_for_the_tables_and_the_rest() -> None:
    for tables, job, expected in ((0, 8, 8), (0.25, 8, 8), (16, 8, 18), (16, 40, 40), (0, 0.5, 2)):
        engine = {"driver_memory_gb": tables, "slurm": {"driver_memory_gb": job, "cpus": 3}}
        table = Config.model_validate(EOL | {"engine": engine}).engine.driver_slurm
        assert (table.driver_memory_gb, table.cpus) == (expected, 3)


@pytest.mark.parametrize(
    ("sources", "names", "expected"),
    [
        ({"photos": {"kind": "folder"}}, {}, True),
        ({"gbif": {}, "museum": {"kind": "urls"}}, {}, True),
        ({"eol": {}}, {}, False),
        ({"gbif": {}, "insects": {"kind": "bioscan"}}, {}, False),
        ({"eol": {"kind": "folder"}}, {}, True),
        ({"gbif": {}}, {"published": "catalog.csv"}, False),
        ({"gbif": {}}, {"lookups": "naming"}, False),
        ({"gbif": {}}, {"built_in": False}, False),
        ({"inat21": {}}, {"built_in": True}, True),
    ],
)
def test_the_built_in_taxonomy_is_off_where_providers_have_their_own(
    tmp_path: Path, sources: dict[str, Any], names: dict[str, Any], expected: bool
) -> None:
    assert parse({"sources": sources, "names": names}, tmp_path).uses_built_in is expected


def test_a_configuration_cannot_change() -> None:
    """It is a value."""
    with pytest.raises(ValueError, match="frozen"):
        Config.model_validate(EOL).seed = 3


def test_a_rendered_configuration_loads_as_the_same_one(tmp_path: Path) -> None:
    """Defaults, other values, and texts with everything that TOML minds."""
    odd = tmp_path / 'a "quoted" \\ name with ü, \t and \x7f'
    configs = [
        Config(sources={"eol": {"path": "/x"}}),
        Config(
            seed=-5,
            sources={"eol": {"path": str(odd)}, "photos": {"kind": "folder", "path": "/y", "table": "/t.csv"}},
            splits=Splits(val_percent=0),
            wds=Wds(order="source", min_shards=MinShards(train=8), keep_store=False),
            holdout=(Holdout(path=odd), Holdout(path=Path("/b"), by="images", allow_unmatched=True)),
            names=Names(eol_tree=odd, authorities=("eol",)),
        ),
    ]
    for config in configs:
        path = tmp_path / "dataset.toml"
        path.write_text(render_config(config, settings_class))
        again = load(path)
        assert again.model_dump(exclude=PLACED) == config.model_dump(exclude=PLACED)
        for name, table in config.sources.items():
            assert table.items() <= again.sources[name].items()
            load_source(name, again.sources[name], tmp_path)


def test_every_key_has_an_explanation() -> None:
    """A docstring under each field, so that init can write it as a comment."""
    assert not list(_unexplained(Config))


def _unexplained(model: type[Model]) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Model):
            found += _unexplained(kind)
        elif not model.explanations().get(name) and name != "holdout":
            found.append(f"{model.__name__}.{name}")
    return found


def test_init_says_what_it_found_and_what_not(drawn_world: World, tmp_path: Path) -> None:
    """Sources, mapping, names, hold-outs."""
    looked = discover("published", drawn_world.root)
    assert list(looked.config.sources) == ["eol", "inat21", "bioscan"]
    assert looked.missing == ()
    (tmp_path / "bioscan").mkdir()
    looked = discover("published", tmp_path)
    assert list(looked.config.sources) == ["bioscan"]
    assert any(line.startswith("eol") for line in looked.missing)
    assert any("mapping" in line for line in looked.missing)
