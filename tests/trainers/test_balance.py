"""Balanced sampling: how often the samples of a long-tailed world are drawn is what the rule says."""

from __future__ import annotations

import math
import pickle
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from long_tail import SAMPLES, SIZES, class_of, expected_shares, write_long_tail

import treeoflife
from treeoflife.errors import InputError

POWERS = (0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> treeoflife.Dataset:
    return treeoflife.open(write_long_tail(tmp_path_factory.mktemp("long-tail")))


@pytest.fixture(scope="module")
def keys(dataset: treeoflife.Dataset) -> list[str]:
    """The keys of the samples, in order."""
    return [sample.id for sample in dataset.samples("train")]


def assert_shares(drawn: Counter[str], power: float) -> None:
    """The share of each class is that of the rule, within six standard deviations of a draw of this many."""
    count = drawn.total()
    for genus, share in expected_shares(power).items():
        assert abs(drawn[genus] / count - share) <= 6 * math.sqrt(share * (1 - share) / count), (genus, drawn)


@pytest.mark.parametrize("power", POWERS)
def test_the_weight_of_a_sample_is_the_size_of_its_class_to_the_power_less_one(
    dataset: treeoflife.Dataset, keys: list[str], power: float
) -> None:
    weights = dataset.torch("train").weights(power=power)
    expected = np.array([SIZES[class_of(key)] ** (power - 1) for key in keys])
    np.testing.assert_allclose(weights, expected / expected.mean())
    assert weights.dtype == np.float64


@pytest.mark.parametrize("power", POWERS)
def test_draws_with_the_weights_follow_the_rule(dataset: treeoflife.Dataset, keys: list[str], power: float) -> None:
    weights = dataset.torch("train").weights(power=power)
    drawn = random.Random(7).choices(keys, weights.tolist(), k=40_000)
    assert_shares(Counter(map(class_of, drawn)), power)


def test_a_higher_rank_makes_larger_classes_and_a_missing_rank_falls_to_the_deepest_known(
    dataset: treeoflife.Dataset, drawn_build: Path
) -> None:
    train = dataset.torch("train")
    np.testing.assert_allclose(train.weights(rank="class", power=0), 1)
    np.testing.assert_array_equal(train.weights(rank="genus"), train.weights(rank="species"))
    drawn = treeoflife.open(drawn_build)
    taxa = [sample.taxon for sample in drawn.samples("train")]
    for depth, rank in ((5, "family"), (7, "species")):
        sizes = Counter(taxon[:depth] for taxon in taxa)
        expected = np.array([1 / sizes[taxon[:depth]] for taxon in taxa])
        np.testing.assert_allclose(drawn.torch("train").weights(rank=rank, power=0), expected / expected.mean())
    assert any(not taxon.species for taxon in taxa)


def stream(keys: list[str], passes: int, seed: int) -> Iterable[dict[str, str]]:
    """The samples as shuffled shards give them, several times over."""
    generator = random.Random(seed)
    for _ in range(passes):
        yield from ({"__key__": key} for key in generator.sample(keys, len(keys)))


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("repeat", [1, 4])
def test_a_stream_is_balanced_by_the_rule(
    dataset: treeoflife.Dataset, keys: list[str], power: float, repeat: int
) -> None:
    balanced = dataset.balanced("train", power=power, repeat=repeat)
    random.seed(3)
    drawn = Counter(class_of(sample["__key__"]) for sample in balanced(stream(keys, 40, seed=5)))
    share = 40 * balanced.expected
    assert abs(drawn.total() - share) <= 6 * math.sqrt(share) + 1
    # A class that is passed over or taken by chance varies less than independent draws do.
    assert_shares(drawn, power)


def test_without_repeating_no_sample_comes_twice_in_a_pass_and_the_rarest_always_comes(
    dataset: treeoflife.Dataset, keys: list[str]
) -> None:
    passed = [sample["__key__"] for sample in dataset.balanced("train", power=0.0)(stream(keys, 1, seed=2))]
    assert len(set(passed)) == len(passed) < SAMPLES
    assert "Asilus-0" in passed
    fourfold = [sample["__key__"] for sample in dataset.balanced("train", power=0.0, repeat=4)(stream(keys, 1, seed=2))]
    assert Counter(fourfold)["Asilus-0"] == 4
    untouched = [sample["__key__"] for sample in dataset.balanced("train", power=1.0)({"__key__": key} for key in keys)]
    assert untouched == keys


def test_a_seed_makes_the_same_choice_in_other_processes_too(dataset: treeoflife.Dataset, keys: list[str]) -> None:
    def chosen(seed: int) -> list[str]:
        balanced = pickle.loads(pickle.dumps(dataset.balanced("train", seed=seed)))
        return [sample["__key__"] for sample in balanced(stream(keys, 1, seed=1))]

    assert chosen(1) == chosen(1) != chosen(2)


@pytest.mark.parametrize("repeat", [1, 4])
def test_with_a_seed_the_choice_of_an_epoch_depends_neither_on_order_nor_on_nodes_nor_on_resuming(
    dataset: treeoflife.Dataset, keys: list[str], repeat: int
) -> None:
    def chosen(part: Iterable[str], epoch: int) -> Counter[str]:
        balanced = dataset.balanced("train", repeat=repeat, seed=1)
        balanced.set_epoch(epoch)
        return Counter(sample["__key__"] for sample in balanced({"__key__": key} for key in part))

    whole = chosen(keys, 1)
    assert chosen(random.Random(2).sample(keys, len(keys)), 1) == whole
    assert sum((chosen(keys[node::3], 1) for node in range(3)), Counter()) == whole
    assert chosen(keys[:200], 1) + chosen(keys[200:], 1) == whole
    assert chosen(keys, 2) != whole


@pytest.mark.parametrize("power", POWERS)
def test_with_a_seed_the_epochs_together_follow_the_rule(
    dataset: treeoflife.Dataset, keys: list[str], power: float
) -> None:
    """And samples of the large classes come too, each in some of them."""
    balanced, drawn = dataset.balanced("train", power=power, repeat=4, seed=3), Counter[str]()
    for epoch in range(300):
        balanced.set_epoch(epoch)
        drawn.update(dict(zip(keys, balanced.copies(keys), strict=True)))
    assert abs(drawn.total() - 300 * balanced.expected) <= 6 * math.sqrt(300 * balanced.expected)
    classes = Counter[str]()
    for key, count in drawn.items():
        classes[class_of(key)] += count
    assert_shares(classes, power)
    assert sum(count > 0 for count in drawn.values()) > 0.95 * SAMPLES


def test_an_order_that_is_drawn_from_the_weights_follows_the_rule_on_each_node_and_after_a_resume(
    dataset: treeoflife.Dataset, keys: list[str]
) -> None:
    """As the page on training draws it for PyTorch: epochs of other numbers differ, and nodes get equally many."""
    weights = dataset.torch("train").weights(power=0.5)

    def order(epoch: int) -> list[int]:
        drawn = np.random.default_rng(epoch).choice(len(keys), 2 * (len(keys) // 2), p=weights / weights.sum())
        return list(drawn.tolist())

    assert order(3) == order(3) != order(4)
    for node, seen in ((0, 0), (1, 0), (0, 100)):
        rest = [index for epoch in range(60) for index in order(epoch)[node::2][seen:]]
        assert_shares(Counter(class_of(keys[index]) for index in rest), 0.5)


def test_weights_of_ones_own_are_in_the_order_of_the_catalog(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    rows = dataset.catalog.filter(split="train")
    ids = rows["treeoflife_id"].to_list()
    assert ids == [sample.id for sample in dataset.samples("train")]
    plants = (rows["kingdom"] == "Plantae").fill_null(value=False).to_numpy()
    balanced = dataset.balanced("train", weights=np.where(plants, 1.0, 0.25), seed=1)
    assert balanced.expected == plants.sum() + (~plants).sum() / 4
    drawn = np.zeros(len(ids))
    for epoch in range(400):
        balanced.set_epoch(epoch)
        drawn += balanced.copies(ids)
    assert (drawn[plants] == 400).all()
    assert abs(drawn[~plants].mean() / 400 - 0.25) < 6 * math.sqrt(0.25 * 0.75 / 400 / (~plants).sum())
    without = dataset.balanced("train", weights=[float(plant) for plant in plants])
    assert without.copies(ids) == plants.astype(int).tolist()


def test_copies_of_a_sample_can_be_changed_one_by_one(dataset: treeoflife.Dataset) -> None:
    first, second = [*dataset.balanced("train", repeat=2, power=0)([{"__key__": "Asilus-0"}])]
    first["image"] = 1
    assert "image" not in second


def test_wrong_arguments_and_other_shards_are_errors(dataset: treeoflife.Dataset) -> None:
    with pytest.raises(InputError, match="no rank 'tribe'; the ranks are kingdom, "):
        dataset.balanced(rank="tribe")
    with pytest.raises(InputError, match=r"power is 1\.5; it is from 0"):
        dataset.torch().weights(power=1.5)
    with pytest.raises(InputError, match="repeat is 0"):
        dataset.balanced(repeat=0)
    for weights, problem in (
        ([1.0] * 3, "there are 3 weights for 635 samples"),
        ([-1.0] * SAMPLES, "a weight is negative"),
        ([math.nan] * SAMPLES, "a weight is negative or no finite"),
        ([0.0] * SAMPLES, "all weights are 0"),
    ):
        with pytest.raises(InputError, match=problem):
            dataset.balanced(weights=weights)
    with pytest.raises(InputError, match="train has no sample 'somebody'"):
        list(dataset.balanced()([{"__key__": "somebody"}]))
