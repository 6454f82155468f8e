"""fetch: tables of addresses -> the images that hosts send, in archives, and the reasons why others are missing.

What was fetched is kept, whatever becomes of the list: an address is asked once, and again only if that may help.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.files import stamp
from ...download.lists.fetch_reasons import NOT_ASKED, PASSING_PATTERN, UNANSWERED, is_passing
from ...engines.base import Tick
from ...engines.registry import make_engine
from ...engines.tasks import TaskRunner
from ...errors import ConfigError, ContainerError, InputError
from ...sources.lists import listing
from ...sources.lists.listed import ListedImages
from ...sources.withdrawn import WITHDRAWN, withdrawn_of
from ..stage import Input, Item, Job, Stage
from ..stage_records import StageRecords
from ..workspace import Workspace

if TYPE_CHECKING:  # imported where they are used: no other command needs HTTP
    from ...download.lists.fetch_promises import Promise
    from ...download.lists.url_archive import FetchedArchive, FetchTask

STEP_VERSION = 1


def declare(workspace: Workspace) -> Stage:
    """The stage; for each source, an item for its list, and one for what was fetched."""
    return Stage(
        name="fetch",
        needs=(),
        version=[STEP_VERSION, listing.STEP_VERSION],
        settings={},
        items=lambda: [item for source in workspace.listed_sources() for item in _items(workspace, source)],
        run=lambda job: run(workspace, job),
    )


def _items(workspace: Workspace, source: ListedImages) -> list[Item]:
    files, name = workspace.paths.fetched_files(source.name), source.name
    made_from: dict[str, Input] = {
        "tables": lambda _: {str(path): stamp(path) for path in source.tables()},
        "settings": dict(workspace.config.sources[name]),
        "columns": list(source.columns),
    }
    if withdrawn := withdrawn_of(workspace.paths.withdrawn, name):
        made_from[WITHDRAWN] = withdrawn.digest()
    further = {
        "placeholder_after": workspace.config.fetch.placeholder_after,
        "archives": lambda _: _state(workspace, source),
    }
    return [Item(_list_name(name), made_from, (files.images,)), Item(name, made_from | further)]


def _list_name(source: str) -> str:
    return f"{source}, its list"


def _state(workspace: Workspace, source: ListedImages) -> dict[str, Any]:
    """Which archives there are: if one is gone, or not finished, there is work to do."""
    files = workspace.paths.fetched_files(source.name)
    return {
        "asked": _ranges(files.finished()), "to ask": _ranges(files.unfinished()),
        "with images": _ranges(files.with_images()), "parts without": len(files.not_fetched_parts()),
    }  # fmt: skip


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order, for a record.

    >>> _ranges([0, 1, 2, 5])
    '0-2 5'
    """
    ends: list[list[int]] = []
    for number in numbers:
        if ends and number == ends[-1][1] + 1:
            ends[-1][1] = number
        else:
            ends.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)


def failures(workspace: Workspace, records: StageRecords) -> dict[str, Counter[str]]:
    """How many images of each source could not be fetched, by reason, as the last run of the stage left it."""
    found = {source.name: records.get("fetch", source.name) for source in workspace.listed_sources()}
    return {name: Counter(record.result.get("reasons", {})) for name, record in found.items() if record}


def to_ask_again(workspace: Workspace, records: StageRecords, retry: Collection[str]) -> dict[str, str]:
    """The sources with addresses that are to be asked again, each with the reason.

    Args:
        retry: reasons why addresses failed, beside those that may have passed.

    Raises:
        ConfigError: nothing failed for one of these reasons.
    """
    failed = failures(workspace, records)
    known = sorted({reason for reasons in failed.values() for reason in reasons} - _UNASKED)
    if unknown := [one for one in retry if one not in known]:
        seen = f"the reasons are: {', '.join(known)}" if known else "nothing has failed so far"
        raise ConfigError(f"--retry {unknown[0]}: no image could not be fetched for this reason; {seen}")
    counts = {
        name: sum(count for one, count in reasons.items() if one in retry or one == NOT_ASKED or is_passing(one))
        for name, reasons in failed.items()
    }
    return {
        name: f"{count:,} images were not asked for yet, or may not fail again"
        for name, count in counts.items()
        if count
    }


def remarks(workspace: Workspace, records: StageRecords) -> list[str]:
    """For people: what could not be fetched from each source, and what to do about it."""
    found = []
    for name, reasons in failures(workspace, records).items():
        passing = {reason: count for reason, count in reasons.items() if is_passing(reason)}
        asked = reasons.keys() - _UNASKED
        if passing:
            found.append(f"{name}: {describe_failures(passing)}; the next build asks again")
        if lasting := asked - passing.keys():
            counts = {reason: reasons[reason] for reason in lasting}
            found.append(f"{name}: {describe_failures(counts)}; 'treeoflife fetch --retry REASON' asks again")
    return found


_UNASKED = {"bad-row", NOT_ASKED}
"""Reasons of images whose address was never asked."""


def run(workspace: Workspace, job: Job, retry: Collection[str] = (), *, ask: bool = True) -> str:
    """Write down what the sources list, ask for what is not there yet, and write down what came of it.

    Args:
        retry: further reasons for which an address that failed is asked again.
        ask: whether hosts are asked at all.

    Raises:
        InputError: a table is malformed; or the network is down. What was fetched is kept.
        TasksFailed: some archives could not be made; the others were.
    """
    for source in workspace.listed_sources():
        if _list_name(source.name) in job.stale:
            _write_list(workspace, source, job)
    sources = [source for source in workspace.listed_sources() if source.name in job.stale]
    if not sources:
        return "the list was written again"
    promises = [promise for source in sources for promise in _plan(workspace, source, retry)] if ask else []
    _ask(workspace, promises, job)
    totals = [_settle(workspace, source, job) for source in sources]
    images, failed = sum(one for one, _ in totals), sum((reasons for _, reasons in totals), Counter[str]())
    _check_answers(images, failed)
    summary = f"{images:,} images are there" + (f"; {describe_failures(failed)}" if failed else "")
    job.runner.listener.finish(summary)
    return summary


def describe_failures(failed: Mapping[str, int]) -> str:
    """For people: how many images could not be fetched, and why.

    >>> describe_failures({"robots": 2, "http-404": 1000})
    'not fetched: 1,002 (http-404 1,000, robots 2)'
    """
    most_first = sorted(failed.items(), key=lambda one: (-one[1], one[0]))
    counts = ", ".join(f"{reason} {count:,}" for reason, count in most_first)
    return f"not fetched: {sum(failed.values()):,} ({counts})"


def _write_list(workspace: Workspace, source: ListedImages, job: Job) -> None:
    """Write down what a source lists, once nothing is left of images that were withdrawn."""
    from ...download.lists.withdrawn_images import forget_withdrawn, is_withdrawn

    listener, files = job.runner.listener, workspace.paths.fetched_files(source.name)
    listener.start(f"fetch: listing the images of {source.name}", 1, "tables")
    said = source.remarks()  # as the build has shown them; some are known only once the list was read
    with workspace.database() as database:
        if forgotten := forget_withdrawn(source, database, files, workspace.withdrawn()):
            listener.note(
                f"{source.name}: {forgotten:,} addresses of withdrawn images are forgotten, with what they gave"
            )
        listed = listing.write_listing(source, database, files.images, is_withdrawn(source))
    for remark in filter(None, (listed.remark(), *(one for one in source.remarks() if one not in said))):
        listener.note(remark)
    job.finish(_list_name(source.name))
    listener.finish(f"{listed.images:,} images")


def _plan(workspace: Workspace, source: ListedImages, retry: Collection[str]) -> list[Promise]:
    from ...download.lists.fetch_outcomes import open_outcomes
    from ...download.lists.fetch_promises import promise_archives, reasons_sql

    files, table = workspace.paths.fetched_files(source.name), workspace.config.fetch
    again = f"regexp_full_match(reason, '{PASSING_PATTERN}') OR {reasons_sql(retry)}"
    with workspace.database() as database:
        open_outcomes(database, files, table.placeholder_after)
        return promise_archives(database, files, table.per_archive, again)


def _ask(workspace: Workspace, promises: Sequence[Promise], job: Job) -> None:
    """Fetch what was promised.

    Raises:
        InputError: the network is down.
    """
    if not promises:
        return
    from ...download.lists.host_limits import limit_engine

    config, listener = workspace.config, job.runner.listener
    listener.start("fetch", sum(promise.count for promise in promises), "addresses")
    with closing(make_engine(limit_engine(config.engine, config.fetch.per_host), workspace.paths.logs)) as engine:
        tasks = _tasks(workspace, promises, engine.width)
        runner = TaskRunner(engine, listener, workspace.paths.failures)
        with closing(runner.run(fetch_archive, tasks, lambda task: str(task.archive))) as results:
            made = [_check(result) for _, result in results]
    for note in dict.fromkeys(note for one in made for note in one.notes):
        listener.note(note)
    _check_network(promises, made)


def _tasks(workspace: Workspace, promises: Sequence[Promise], width: int) -> list[FetchTask]:
    """The tasks, each with its part of the requests that a host may get."""
    from ...download.lists.host_limits import host_limits, split_limits
    from ...download.lists.url_archive import FetchTask

    table = workspace.config.fetch
    part = split_limits(host_limits(table), min(width, len(promises)))
    return [
        FetchTask(one.files.urls(one.number), one.files.archive(one.number), table, part, one.retry) for one in promises
    ]


@dataclass(frozen=True)
class NetworkDown:
    """The result of a task that gave up, because no host answers any more."""

    reason: str


def fetch_archive(task: FetchTask, tick: Tick) -> FetchedArchive | NetworkDown:
    """The task of a worker: :func:`.url_archive.fetch_archive`. That the network is down is a result.

    As an error it would be reported once all other archives had failed in the same way.
    """
    from ...download.lists.url_archive import fetch_archive as fetch

    try:
        return fetch(task, tick)
    except ContainerError as error:
        return NetworkDown(str(error))


def _check(result: FetchedArchive | NetworkDown) -> FetchedArchive:
    if isinstance(result, NetworkDown):
        raise InputError(f"the network seems to be down ({result.reason}). {_GO_ON}")
    return result


_GO_ON = "Nothing was encoded; what was fetched is kept, and the same command goes on from there"


def _check_network(promises: Sequence[Promise], made: Sequence[FetchedArchive]) -> None:
    """Check that not all addresses failed in silence. Where few are asked, no task notices that the network is down.

    Hosts that are asked again may be gone for good: their silence says nothing.

    Raises:
        InputError: they did.
    """
    reasons = {reason for one in made for reason in one.reasons}
    if reasons.issubset(UNANSWERED) and not any(one.images for one in made) and not all(one.retry for one in promises):
        count = sum(one.count for one in promises)
        raise InputError(
            f"no host answered: all of {count:,} addresses failed ({', '.join(sorted(reasons))}). Is the network down, "
            f"or the name server wrong? {_GO_ON}"
        )


def _check_answers(images: int, failed: Mapping[str, int]) -> None:
    """Check that some host has ever answered.

    Raises:
        InputError: none has.
    """
    asked = failed.keys() - _UNASKED
    if asked and not images and asked.issubset(UNANSWERED):
        raise InputError(
            f"no host has answered so far: {describe_failures(failed)}. Is the network down, or the name server wrong? "
            f"{_GO_ON}"
        )


def _settle(workspace: Workspace, source: ListedImages, job: Job) -> tuple[int, Counter[str]]:
    """Write which images of a source are in which archive, and which are in none; returns how many are, and reasons."""
    from ...download.lists.fetch_outcomes import open_outcomes, placeholders
    from ...download.lists.fetch_results import write_archive_images, write_not_fetched

    files = workspace.paths.fetched_files(source.name)
    with workspace.database() as database:
        open_outcomes(database, files, workspace.config.fetch.placeholder_after)
        images, reasons = write_archive_images(source, database, files), write_not_fetched(source, database, files)
        for count, example in placeholders(database):
            note = f"{count:,} addresses give the same picture, such as {example}: it is taken for a placeholder"
            job.runner.listener.note(f"{source.name}: {note}")
    result = {"images": images, "reasons": dict(sorted(reasons.items()))}
    job.finish(source.name, result, archives=_state(workspace, source))
    return images, reasons
