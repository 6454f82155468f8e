"""Both resamplers make images of the requested size, and nearly the same ones of photographs."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import built, cli, configured, sentence, shared_world
from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.errors import ConfigError
from treeoflife.images.convert import convert, shrink
from treeoflife.images.resample import PACKAGES, resampler
from treeoflife.shards.pack import read_index_meta
from treeoflife.testing.world import World, unusual_files

SIMD = Images(resampler="simd")


@pytest.fixture
def fast() -> None:
    pytest.importorskip("cykooz_resizer")


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("filter_name", ["bicubic", "lanczos", "bilinear", "box"])
@pytest.mark.usefixtures("fast")
def test_photographs_are_nearly_the_same(filter_name: str, fit: str) -> None:
    """60 dB, a twelfth of the error of drafting. The box filter has edges, and may take in a pixel more or less: 50."""
    world = shared_world()
    if not world:
        pytest.skip("there are no photographs")
    settings, errors = Images.model_validate({"filter": filter_name, "fit": fit}), []
    for path in sorted((world / "pool" / "photos").rglob("*.jpg"))[::29]:
        one, other = (
            np.asarray(shrink(Image.open(path), settings.model_copy(update={"resampler": name})), dtype=float)
            for name in PACKAGES
        )
        errors.append(float(np.mean((one - other) ** 2)))
        assert errors[-1] <= 255**2 / 10 ** (5 if filter_name == "box" else 6), path
    assert max(errors) > 0, "the pixels are the same: both are the same resampler"


@pytest.mark.usefixtures("fast")
def test_any_part_of_an_image_of_any_shape_is_resized_to_the_requested_size() -> None:
    """One pixel wide, with fractional edges, larger and smaller. One colour stays that colour."""
    chance = random.Random(4)
    for _ in range(300):
        size = (chance.choice([1, 2, 3, 17, 500]), chance.choice([1, 2, 3, 224, 1001]))
        target = (chance.choice([1, 7, 224]), chance.choice([1, 64, 300]))
        left, top = (chance.uniform(0, side * 0.6) * chance.choice([0, 1]) for side in size)
        right, bottom = (chance.choice([side, side - 0.3 * side]) for side in size)
        image = Image.new(chance.choice(["L", "RGB"]), size, 77)
        small = resampler("simd", "lanczos")(image, target, (left, top, max(right, left + 0.2), max(bottom, top + 0.2)))
        assert (small.mode, small.size) == (image.mode, target)
        assert small.getextrema() == image.getextrema()


@pytest.mark.parametrize(
    ("kind", "data"), list(unusual_files(random.Random(1))), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.usefixtures("fast")
def test_awkward_files_have_the_same_result_with_both(kind: str, data: bytes) -> None:
    """An image of the same width, or the same reason."""
    one, other = convert(data, Images()), convert(data, SIMD)
    assert (one if isinstance(one, Skip) else one.width) == (other if isinstance(other, Skip) else other.width), kind


def test_a_resampler_that_is_not_installed_is_an_error_and_skips_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cykooz_resizer", None)
    resampler.cache_clear()
    with pytest.raises(ConfigError, match='resampler = "pillow"'):
        convert(b"anything", SIMD)
    resampler.cache_clear()


def test_a_build_says_at_its_beginning_that_the_resampler_is_not_installed(drawn_world: World, tmp_path: Path) -> None:
    """The message says what to do."""
    (tmp_path / "cykooz_resizer.py").write_text("raise ImportError")
    config = configured(tmp_path / "out", "published", drawn_world.root, resampler='"simd"')
    done = cli("build", "--config", config, PYTHONPATH=str(tmp_path))
    sentence(done, "cykooz-resizer", 'resampler = "pillow"')
    assert done.returncode == 2


@pytest.mark.usefixtures("fast")
def test_changing_the_resampler_encodes_everything_again_and_is_recorded(drawn_world: World, tmp_path: Path) -> None:
    config = configured(tmp_path / "out", "published", drawn_world.root)
    built(config, "--until", "encode")
    config.write_text(config.read_text().replace('resampler = "pillow"', 'resampler = "simd"'))
    assert "images.resampler" in cli("status", "--config", config).stdout
    built(config)
    assert _packages(config.parent) >= set(PACKAGES["simd"])


def _packages(out: Path) -> set[str]:
    """The packages that the images of a dataset were encoded with, from the indexes of its shards."""
    metas = [read_index_meta(path) for path in out.rglob("index/*/train/*.parquet")]
    return {name for meta in metas for one in meta["made"]["inputs"] for tools in one["encoded_with"] for name in tools}
