"""Building a dataset: the stages in order, each only if it is stale."""

from collections.abc import Collection
from functools import partial

from ..config.config import named_paths
from ..core.files import exists
from ..errors import ConfigError, InputError
from ..images.resample import resampler
from ..mapping import published
from ..selection import caption_tables, holdout, source_columns
from ..shards.text_settings import named_columns
from ..taxonomy import catalog_names
from . import card_remarks, names_remarks
from .session import Session
from .stage import State
from .stages import checksums, fetch
from .workspace import Workspace

ORDER = (
    "withdrawn", "fetch", "encode", "duplicates", "mapping", "provenance", "texts", "splits", "metadata", "plan",
    "pack", "check-wds", "tidy", "catalog", "check-taxa", "credits", "card", "checksums",
)  # fmt: skip
"""The stages of a build."""

WDS = ("withdrawn", "fetch", "encode", "duplicates", "provenance", "texts", "splits", "metadata", "plan", "pack")
"""The stages of the command ``wds``. Names and splits are among them: a plan needs names, which nobody makes by hand
where they are published; and splits that were made before duplicates were known are made again."""


def build(
    session: Session, only: Collection[str] = ORDER, retry: Collection[str] = (), *, ask: bool = True
) -> dict[str, str]:
    """Run the stages that are not up to date, in order.

    Args:
        only: the stages to consider.
        retry: reasons why images could not be fetched: their addresses are asked again, beside those that failed for a
            reason that may have passed.
        ask: whether hosts are asked for anything; if not, what is not fetched yet stays so.

    Returns:
        A summary of each stage that ran, by its name.

    Raises:
        ConfigError: a name is not that of a stage, or nothing failed for a reason in ``retry``.
        TreeoflifeError: a stage failed; those before it are done.
    """
    if unknown := [name for name in only if name not in ORDER]:
        raise ConfigError(f"there is no stage '{unknown[0]}'; the stages are: {', '.join(ORDER)}")
    check_inputs(session.workspace)
    for source in session.workspace.sources:
        for remark in source.remarks():
            session.listener.note(f"{source.name}: {remark}")
    if set(only).issuperset(WDS):
        made = [session.stages[name] for name in ORDER if name != "checksums"]
        checksums.remove_changed(session.workspace.paths, made, session.evidence, session.listener)
    summaries = {"withdrawn": session.make("withdrawn")} if "withdrawn" in only else {}
    summaries |= {"fetch": _fetch(session, retry, ask=ask)} if "fetch" in only else {}
    summaries |= {name: session.make(name) for name in ORDER if name in only and name not in ("withdrawn", "fetch")}
    return {name: summary for name, summary in summaries.items() if summary is not None}


def _fetch(session: Session, retry: Collection[str], *, ask: bool) -> str | None:
    """Fetch what is not there yet, and what is to be asked again; the stages then find the containers that came."""
    workspace = session.workspace
    again = fetch.to_ask_again(workspace, session.evidence.records, retry) if ask else {}
    summary = session.make("fetch", run=partial(fetch.run, workspace, retry=retry, ask=ask), again=again)
    if summary is not None:
        session.forget_containers()
    return summary


def up_to(last: str) -> tuple[str, ...]:
    """The names of the stages up to and with ``last``.

    Raises:
        ConfigError: there is no such stage.

    >>> up_to("splits")
    ('withdrawn', 'fetch', 'encode', 'duplicates', 'mapping', 'provenance', 'texts', 'splits')
    """
    if last not in ORDER:
        raise ConfigError(f"there is no stage '{last}'; the stages are: {', '.join(ORDER)}")
    return ORDER[: ORDER.index(last) + 1]


def status(session: Session) -> dict[str, State]:
    """How far every stage of a build is."""
    return session.states(ORDER)


def remarks(session: Session) -> list[str]:
    """What stages that are up to date leave to be desired, in sentences."""
    workspace = session.workspace
    return [
        *fetch.remarks(workspace, session.evidence.records),
        *names_remarks.remarks(workspace),
        *card_remarks.remarks(workspace),
    ]


def check_inputs(workspace: Workspace) -> None:
    """Check that everything the configuration names exists and can be read, before hours of work rest on it.

    Raises:
        InputError: something is missing or malformed; the message names it.
        MissingExtra: a package that the configuration needs is not installed.
    """
    config = workspace.config
    resampler(config.images.resampler, config.images.filter)
    workspace.containers()
    for table, model in {"mapping": config.mapping, "names": config.names}.items():
        for key, path in named_paths(model):
            if not exists(path):
                raise InputError(f"[{table}] {key}: there is no {path}")
    source_columns.check_columns(workspace.sources, config.licences.manifest, named_columns(config.wds))
    for name in workspace.caption_tables():
        caption_tables.check_table(name, config.captions[name])
    for one in config.holdout:
        holdout.read_list(one)
    if config.mapping.published:
        published.check(config.mapping.published, workspace.sources)
    if config.names.published:
        catalog_names.check(config.names.published)
