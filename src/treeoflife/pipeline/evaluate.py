"""Benchmarks and a dataset: what the commands ``leaks`` and ``holdout make`` do, from the stages to the result."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..evaluation.choose import Choice, Request
from ..evaluation.holdout_set import NamedDataset, check_request, make_holdout_set
from ..evaluation.leak_table import Leaks
from ..evaluation.leaks import EncodedDataset, find_leaks
from ..sources.lists.id_columns import IdKind
from .build import build, up_to
from .session import Session
from .stages.duplicates import missing_tars, stored_containers
from .stages.plan import decide_with


def encode_and_find_leaks(
    session: Session, benchmarks: Sequence[Path], named: Mapping[str, IdKind] = MappingProxyType({})
) -> Iterator[Leaks]:
    """The images of a dataset that are in benchmarks, benchmark by benchmark.

    The dataset is encoded and mapped first, and its sources are asked about their images.

    Args:
        named: columns of lists of ids, each with the kind of its ids.
    """
    build(session, ("encode", "mapping", "provenance"))
    workspace = session.workspace
    dataset = EncodedDataset(
        config=workspace.config,
        paths=workspace.paths,
        sources=workspace.sources,
        ids=workspace.ids,
        containers=stored_containers(workspace),
        indexes=workspace.stored(),
        open_database=workspace.database,
        runner=session.runner,
        restore=lambda stored, rows: session.remake("encode", missing_tars(stored, rows)),
    )
    for benchmark in benchmarks:
        yield find_leaks(dataset, benchmark, named)


def name_and_hold_out(session: Session, request: Request, out: Path) -> Choice:
    """Make a hold-out set; the dataset is built up to its names first."""
    workspace = session.workspace
    check_request(request, [source.name for source in workspace.sources], out)
    build(session, up_to("metadata"))
    # The set that is replaced must not keep its own species out of the new one.
    others = [one for one in workspace.config.holdout if one.path.parent != out.resolve()]
    with workspace.database() as database:
        decide_with(workspace, database, others)
        dataset = NamedDataset(
            config=workspace.config,
            paths=workspace.paths,
            containers=workspace.containers(),
            database=database,
            indexes=workspace.stored(),
            runner=session.runner,
        )
        return make_holdout_set(dataset, request, out)
