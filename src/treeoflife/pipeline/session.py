"""One run over a dataset: how far each stage is, and making what is stale."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..core.files import exists
from ..core.progress import Listener
from ..engines.tasks import TaskRunner
from ..errors import KEPT, InputError
from .stage import NEEDED_AGAIN, Evidence, Inspector, Item, Job, Stage, State, Watch, state_of
from .stage_records import Record
from .workspace import Workspace


@dataclass
class Session:
    """A run over a workspace.

    Attributes:
        evidence: digests of files, and the records of stages.
        runner: where tasks run, and who hears of the progress.
        stages: every stage, by name, in order.
        declare: gives the stages anew, once sources have other containers.
        check_lock: raises where another run has taken over.
        has_made_something: an item was finished since the session began.
    """

    workspace: Workspace
    evidence: Evidence
    runner: TaskRunner
    stages: Mapping[str, Stage]
    declare: Callable[[], Mapping[str, Stage]] | None = None
    check_lock: Callable[[], None] = lambda: None
    has_made_something: bool = False

    def forget_containers(self) -> None:
        """Declare the stages anew: sources have other containers than before."""
        self.workspace.forget_containers()
        if self.declare:
            self.stages = self.declare()

    @property
    def listener(self) -> Listener:
        """Hears of the progress."""
        return self.runner.listener

    def state(self, name: str) -> State:
        """How far a stage is, whatever the stages before it."""
        stage, inspector = self.stages[name], Inspector(self.evidence)
        return state_of(inspector.reason(stage, item) for item in stage.items())

    def states(self, names: Sequence[str]) -> dict[str, State]:
        """How far stages are, in order; those that need one with work to do are waiting for it."""
        states: dict[str, State] = {}
        for name in names:
            needs = self.stages[name].needs
            unfinished = next((need for need in needs if need in states and not states[need].fresh), None)
            states[name] = State(0, 1, (f"waiting for {unfinished}",), waiting=True) if unfinished else self.state(name)
        return states

    def make(
        self,
        name: str,
        only: Collection[str] | None = None,
        run: Callable[[Job], str] | None = None,
        again: Mapping[str, str] = MappingProxyType({}),
    ) -> str | None:
        """Make the stale items of a stage; returns a summary, or None if there was nothing to do.

        Args:
            only: the items to consider; all, if not given.
            run: makes the items in place of the stage's own function.
            again: further items to make, each with the reason, though they are up to date.

        Raises:
            InputError: a file is missing that another stage makes, or an input changed meanwhile.
            TreeoflifeError: the stage failed; the items that were finished are on record.
        """
        stale = dict(again) | Inspector(self.evidence).stale(self.stages[name], only)
        return self._run(name, stale, run) if stale else None

    def remake(self, name: str, items: Collection[str], run: Callable[[Job], str] | None = None) -> None:
        """Make items of a stage again, though their records are in order; ``run`` as in :meth:`make`."""
        if items:
            self._run(name, dict.fromkeys(items, NEEDED_AGAIN), run)

    def _run(self, name: str, stale: Mapping[str, str], run: Callable[[Job], str] | None = None) -> str:
        try:
            return self._make(name, stale, run)
        except BaseException as error:
            if self.has_made_something:
                error.add_note(KEPT)
            raise

    def _make(self, name: str, stale: Mapping[str, str], run: Callable[[Job], str] | None) -> str:
        stage, watch = self.stages[name], Watch(self.evidence.paths, self.evidence.hashes, self.evidence.records)
        inspector = Inspector(watch)
        items = {item.name: item for item in stage.items() if item.name in stale}
        self._check_requirements(stage, items.values())
        # Before the work and not after it: a file that changes meanwhile must not pass for the one that was read.
        inputs = {item.name: inspector.inputs(stage, item) for item in items.values()}
        finished: set[str] = set()
        if any(item.outputs for item in items.values()):
            # While the list of checksums exists, nothing has changed since it was written.
            self.workspace.paths.checksums.unlink(missing_ok=True)

        def finish(item: str, result: Mapping[str, Any] | None = None, **observed: Any) -> None:
            """Record an item; ``observed`` are inputs as a worker saw them."""
            self.check_lock()
            if changed := watch.changed():
                raise InputError(f"{changed} changed while it was read for {name}; run the same command again")
            outputs = (*items[item].outputs, *items[item].optional)
            digests = {self.evidence.name(path): self.evidence.sha256(path) for path in outputs}
            record = Record(inputs[item] | observed, {k: v for k, v in digests.items() if v}, result or {})
            self.evidence.records.put(name, item, record)
            finished.add(item)
            self.has_made_something = True

        summary = (run or stage.run)(
            Job(stale, self.runner, self.remake, finish, self.evidence.hashes, self.evidence.records)
        )
        for item in items.values():
            if item.name not in finished:
                if not watch.changed() and inspector.inputs(stage, item) != inputs[item.name]:
                    raise InputError(f"an input of {name} changed while it was read; run the same command again")
                finish(item.name)
        return summary

    def _check_requirements(self, stage: Stage, items: Collection[Item]) -> None:
        for path in (path for item in items for path in item.requires if not exists(path)):
            makers = [one.name for one in self.stages.values() if any(path in item.outputs for item in one.items())]
            remedy = f"'treeoflife {makers[0]}' makes it" if makers else "'treeoflife build' makes it"
            raise InputError(f"{stage.name} needs {path}, which is not there yet: {remedy}")
