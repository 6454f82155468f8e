"""dataset.toml: strict, documented, and written as it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from treeoflife.config.config import Config, load, parse
from treeoflife.config.tables import Holdout, MinShards, Names, Splits, Wds
from treeoflife.config.writer import render_config
from treeoflife.errors import ConfigError
from treeoflife.pipeline.discover import discover
from treeoflife.sources.registry import load_source, settings_class
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


def _unexplained(model: type[BaseModel]) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _unexplained(kind)
        elif not field.description and name != "holdout":
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
