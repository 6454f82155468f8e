"""Whether work is stale is decided in one place, by what each item was made from, and said in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from treeoflife.config.config import Config
from treeoflife.config.paths import Paths
from treeoflife.config.tables import Images
from treeoflife.core.hash_cache import HashCache
from treeoflife.core.progress import SilentListener
from treeoflife.engines.serial import SerialEngine
from treeoflife.engines.tasks import TaskRunner
from treeoflife.errors import InputError
from treeoflife.pipeline.session import Session
from treeoflife.pipeline.stage import Evidence, Inspector, Item, Job, Stage, digest_of
from treeoflife.pipeline.stage_records import Record, StageRecords
from treeoflife.pipeline.workspace import Workspace


class Bakery:
    """Two stages: flour.txt -> dough.txt, and dough.txt -> two loaves and a list, with a session over them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.flour, self.dough = root / "flour.txt", root / "dough.txt"
        self.loaves, self.list = (root / "loaf-0", root / "loaf-1"), root / "list"
        self.salt, self.version, self.crumbs = 1, 1, ()
        self.meanwhile: Callable[[], object] = lambda: None
        self.flour.write_text("flour")

    def stages(self) -> tuple[Stage, Stage]:
        """The stages as they are declared now."""
        dough = Item("dough", {"flour": self.flour}, (self.dough,), requires=(self.flour,))
        loaves = [
            Item(
                one.name,
                {"dough": self.dough, "all": digest_of({"flour": self.flour})},
                (one,),
                (self.list,),
                self.crumbs,
            )
            for one in self.loaves
        ]
        return (
            Stage("knead", (), self.version, {"salt": self.salt}, lambda: [dough], self._knead),
            Stage("bake", ("knead",), 1, {}, lambda: loaves, self._bake, lambda result: result.get("burnt")),
        )

    def _knead(self, job: Job) -> str:
        self.dough.write_text(f"{self.flour.read_text()} {self.salt}")
        self.meanwhile()
        return "kneaded"

    def _bake(self, job: Job) -> str:
        for loaf in self.loaves:
            if loaf.name in job.stale:
                loaf.write_text(f"{loaf.name} of {self.dough.read_text()}")
                job.finish(loaf.name, {})
                self.meanwhile()
        for crumb in self.crumbs:
            crumb.unlink(missing_ok=True)
        return f"{len(job.stale)} loaves"

    def session(self, evidence: Evidence) -> Session:
        """A session with these stages in place of a dataset's."""
        runner = TaskRunner(SerialEngine(), SilentListener(), self.root / "failures")
        workspace = Workspace(Config(sources={}), Paths(self.root, Images()), ())
        return Session(workspace, evidence, runner, {stage.name: stage for stage in self.stages()})


@pytest.fixture
def bakery(tmp_path: Path) -> Bakery:
    return Bakery(tmp_path)


@pytest.fixture
def evidence(tmp_path: Path) -> Iterator[Evidence]:
    with (
        closing(HashCache(tmp_path / "known.sqlite")) as hashes,
        closing(StageRecords(tmp_path / ".state" / "records.sqlite")) as records,
    ):
        yield Evidence(Paths(tmp_path, Images()), hashes, records)


def why(bakery: Bakery, evidence: Evidence) -> dict[str, tuple[str, ...]]:
    """Why each stage is not done, whatever the other."""
    session = bakery.session(evidence)
    return {name: session.state(name).why for name in ("knead", "bake")}


def bake(bakery: Bakery, evidence: Evidence) -> list[str | None]:
    session = bakery.session(evidence)
    return [session.make("knead"), session.make("bake")]


def test_what_is_made_is_not_made_again(bakery: Bakery, evidence: Evidence) -> None:
    assert why(bakery, evidence) == {"knead": ("not made yet",), "bake": ("not made yet (2)",)}
    assert bake(bakery, evidence) == ["kneaded", "2 loaves"]
    assert bake(bakery, evidence) == [None, None]
    assert why(bakery, evidence) == {"knead": (), "bake": ()}


def test_records_outlive_the_process(bakery: Bakery, evidence: Evidence, tmp_path: Path) -> None:
    bake(bakery, evidence)
    with closing(StageRecords(tmp_path / ".state" / "records.sqlite")) as records:
        again = Evidence(Paths(tmp_path, Images()), evidence.hashes, records)
        assert bake(bakery, again) == [None, None]


def _other_salt(bakery: Bakery) -> None:
    bakery.salt = 2


def _other_version(bakery: Bakery) -> None:
    bakery.version = 2


def _crumbs(bakery: Bakery) -> None:
    crumb = bakery.root / "crumb"
    crumb.write_text("x")
    bakery.crumbs = (crumb,)


@pytest.mark.parametrize(
    ("change", "stage", "reason"),
    [
        (_other_salt, "knead", "salt changed from 1 to 2"),
        (_other_version, "knead", "step"),
        (lambda one: one.flour.write_text("rye"), "knead", "flour"),
        (lambda one: one.flour.write_text("rye"), "bake", "all"),
        (lambda one: one.flour.unlink(), "knead", "flour"),
        (lambda one: one.dough.unlink(), "knead", "dough.txt is gone"),
        (lambda one: one.dough.write_text("eaten"), "knead", "dough.txt is not the one that was written"),
        (lambda one: one.loaves[1].write_text("bitten"), "bake", "loaf-1 is not the one that was written"),
        (_crumbs, "bake", "crumb is to be removed (2)"),
    ],
)
def test_every_change_is_seen_and_named(
    bakery: Bakery, evidence: Evidence, change: Callable[[Bakery], object], stage: str, reason: str
) -> None:
    bake(bakery, evidence)
    change(bakery)
    assert reason in " ".join(why(bakery, evidence)[stage])


def test_a_file_that_may_be_missing_may_not_be_changed(bakery: Bakery, evidence: Evidence) -> None:
    bakery.list.write_text("a list")
    bake(bakery, evidence)
    bakery.list.write_text("another")
    assert why(bakery, evidence)["bake"] == ("list is not the one that was written (2)",)
    bakery.list.unlink()
    assert why(bakery, evidence)["bake"] == ()


def test_only_what_is_stale_is_made(bakery: Bakery, evidence: Evidence) -> None:
    bake(bakery, evidence)
    bakery.loaves[1].unlink()
    assert bakery.session(evidence).make("bake") == "1 loaves"


def test_a_bad_result_is_a_reason(bakery: Bakery, evidence: Evidence) -> None:
    bake(bakery, evidence)
    record = evidence.records.get("bake", "loaf-0")
    assert record
    evidence.records.put("bake", "loaf-0", Record(record.inputs, record.outputs, {"burnt": "the last one was burnt"}))
    assert why(bakery, evidence)["bake"] == ("the last one was burnt",)


def test_what_comes_after_stale_work_waits(bakery: Bakery, evidence: Evidence) -> None:
    bake(bakery, evidence)
    bakery.salt = 2
    states = bakery.session(evidence).states(("knead", "bake"))
    assert not states["knead"].fresh
    assert not states["knead"].waiting
    assert states["bake"].waiting
    assert states["bake"].why == ("waiting for knead",)


def test_what_is_killed_before_it_is_recorded_is_made_again(bakery: Bakery, evidence: Evidence) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    session = bakery.session(evidence)
    session.make("knead")
    bakery.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        bakery.session(evidence).make("bake")
    assert Inspector(evidence).stale(bakery.stages()[1]) == {"loaf-1": "not made yet"}
    bakery.salt = 2
    with pytest.raises(KeyboardInterrupt):  # the file is written, and the record is of the former one
        bakery.session(evidence).make("knead")
    assert not bakery.session(evidence).state("knead").fresh


def test_an_input_that_changes_while_it_is_read_does_not_pass_for_the_one_that_was_read(
    bakery: Bakery, evidence: Evidence
) -> None:
    bakery.meanwhile = lambda: bakery.flour.write_text("swapped")
    with pytest.raises(InputError, match="changed while it was read"):
        bakery.session(evidence).make("knead")
    bakery.meanwhile = lambda: None
    assert bakery.session(evidence).make("knead") == "kneaded"
    assert bakery.dough.read_text() == "swapped 1"


def _edit_back(path: Path) -> None:
    """Write to it, then what was there, with the former time."""
    text, times = path.read_text(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    path.write_text("swapped")
    path.write_text(text)
    os.utime(path, ns=times)


def _rename_back(path: Path) -> None:
    """Put another file in its place for a while."""
    path.rename(path.with_name("kept"))
    path.write_text("swapped")
    path.with_name("kept").rename(path)


def _replace_by_the_same(path: Path) -> None:
    """Another file, which has the same content."""
    other = path.with_name("other")
    other.write_text(path.read_text())
    other.replace(path)


@pytest.mark.parametrize("swap", [_edit_back, _rename_back, _replace_by_the_same, Path.unlink])
@pytest.mark.parametrize("kind", ["a file", "one of many files", "recorded by the stage itself", "in a folder"])
def test_an_input_that_was_another_meanwhile_is_noticed(
    bakery: Bakery, evidence: Evidence, kind: str, swap: Callable[[Path], None]
) -> None:
    """Though it is the same before and after: what lies between was read. The next run makes it again."""
    folder = bakery.root / "folder"
    folder.mkdir()
    (folder / "flour.txt").write_text("flour")
    inputs = {
        "a file": bakery.flour,
        "one of many files": digest_of({"flour": bakery.flour}),
        "recorded by the stage itself": bakery.flour,
        "in a folder": lambda evidence: {path.name: evidence.sha256(path) for path in evidence.list_files(folder)},
    }
    place = folder / "flour.txt" if kind == "in a folder" else bakery.flour

    def knead(job: Job, swap: Callable[[Path], None] | None = None) -> str:
        if swap:
            swap(place)
        bakery.dough.write_text("dough")
        if kind == "recorded by the stage itself":
            job.finish("dough")
        return "kneaded"

    session = bakery.session(evidence)
    item = Item("dough", {"flour": inputs[kind]}, (bakery.dough,))
    session.stages = {"knead": Stage("knead", (), 1, {}, lambda: [item], knead)}
    with pytest.raises(InputError, match="changed while it was read"):
        session.make("knead", run=lambda job: knead(job, swap))
    assert session.make("knead") == "kneaded"
    assert session.make("knead") is None


@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_comes_into_a_folder_and_goes_again_is_noticed(
    bakery: Bakery, evidence: Evidence, is_link: bool
) -> None:
    """It was read, and nobody would know; also if the folder is linked."""
    folder = bakery.root / "folder"
    folder.mkdir()
    (bakery.root / "elsewhere" if is_link else folder / "deep").mkdir()
    if is_link:
        (folder / "deep").symlink_to("../elsewhere")

    def knead(job: Job) -> str:
        passing = folder / "deep" / "passing.txt"
        passing.write_text("swapped")
        passing.unlink()
        return "kneaded"

    session = bakery.session(evidence)
    item = Item("dough", {"flour": lambda evidence: [path.name for path in evidence.list_files(folder)]})
    session.stages = {"knead": Stage("knead", (), 1, {}, lambda: [item], knead)}
    with pytest.raises(InputError, match=r"folder/deep changed while it was read"):
        session.make("knead")


def test_what_another_stage_makes_again_meanwhile_has_not_changed(bakery: Bakery, evidence: Evidence) -> None:
    """As an index of the store, whose images were removed and are needed once more: its bytes are the same."""
    session = bakery.session(evidence)
    session.make("knead")
    bakery.meanwhile = lambda: _replace_by_the_same(bakery.dough)
    assert session.make("bake") == "2 loaves"


def test_what_is_missing_is_named_with_its_maker(bakery: Bakery, evidence: Evidence) -> None:
    bakery.flour.unlink()
    with pytest.raises(InputError, match=r"knead needs .*flour.txt"):
        bakery.session(evidence).make("knead")


def test_damaged_records_are_as_none(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"rubbish" * 1000)
    with closing(StageRecords(path)) as records:
        assert records.get("knead", "dough") is None
        records.put("knead", "dough", Record({"salt": 1}))
    with closing(StageRecords(path)) as records:
        assert records.get("knead", "dough") == Record({"salt": 1})


def test_shares_begin_with_the_records_of_all_and_are_taken_in(tmp_path: Path) -> None:
    whole, share = tmp_path / "records.sqlite", tmp_path / "share.sqlite"
    with closing(StageRecords(whole)) as records:
        records.put("pack", "0", Record({"plan": "a"}))
        with closing(StageRecords(share, records)) as own:
            assert own.get("pack", "0") == Record({"plan": "a"})
            own.put("pack", "1", Record({"plan": "b"}))
        assert records.get("pack", "1") is None
        records.merge(share)
        records.merge(tmp_path / "missing.sqlite")
        assert set(records.of_stage("pack")) == {"0", "1"}
