"""The commands for a dataset that changes: withdraw, diff."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, InputError
from .common import DEFAULT_CONFIG, ConfigOption, JsonOption, say, show, working

if TYPE_CHECKING:
    import polars as pl

    from ..pipeline.withdraw import Withdrawal
    from ..pipeline.workspace import Workspace

_SHOWN = 10


def withdraw(
    table: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TABLE]",
            help="The images: a CSV or TSV, Parquet, or a list, with ids of the dataset, ids or natural keys of the "
            "source, or URLs.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="An id or natural key of an image; may be given several times.")
    ] = None,
    urls: Annotated[
        list[str] | None,
        typer.Option("--source-url", help="The URL of an image, or of its page; may be given several times."),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="Why: it is kept in withdrawn.csv and in the ledger.")] = "",
    *,
    same_picture: Annotated[
        bool, typer.Option("--same-picture", help="Withdraw other images of the same pictures too.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove images from everything in the dataset, and keep them out of later builds.

    They are written into withdrawn.csv. Only the shards that held them are written anew. Your own raw data stays as it
    is: the command names the files there that still hold them.
    """
    from ..pipeline.withdraw import find_withdrawal
    from ..pipeline.withdraw import withdraw as withdraw_images
    from ..pipeline.workspace import open_workspace

    if not (table or ids or urls):
        raise ConfigError("nothing says which images to withdraw: name a TABLE, or give --id or --source-url")
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if dry_run:
        workspace = open_workspace(config)
        found = find_withdrawal(workspace, _wanted(workspace, table, ids, urls), why, day, all_copies=same_picture)
        _tell(found, dry_run=True, as_json=as_json)
        return
    with working(config) as session:
        workspace = session.workspace
        found = find_withdrawal(workspace, _wanted(workspace, table, ids, urls), why, day, all_copies=same_picture)
        if not found.rows.height and not found.before:
            _tell_unknown(found)
            raise InputError("none of these is an image of the dataset: nothing was changed")
        withdraw_images(session, found)
    _tell(found, dry_run=False, as_json=as_json)


def diff(
    before: Annotated[Path, typer.Argument(help="A build, a catalog, or a download of a source.")],
    after: Annotated[Path, typer.Argument(help="The same, later.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The table of changes to write, .csv or .parquet.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option("--kind", help="What both are, if not recognised: build, catalog, gbif, inaturalist, urls"),
    ] = "",
    *,
    as_json: JsonOption = False,
) -> None:
    """Say which images came, went, or changed between two builds, two catalogs, or two downloads of a source."""
    from dataclasses import asdict

    from ..core.terminal import listening
    from ..pipeline.diff import opened_diff, write_diff

    if out and out.suffix.lower() not in (".csv", ".parquet", ".pq"):
        raise ConfigError(f"--out {out}: the table is written as .csv or .parquet")
    with listening() as listener, opened_diff(before, after, kind, listener) as (database, comparison):
        counts = write_diff(database, comparison, out)
    if as_json:
        show(asdict(counts))
        return
    say(f"{counts.before:,} images before, {counts.after:,} after; {counts.both:,} in both, {counts.changed:,} changed")
    for change, images in counts.kinds.items():
        details = ", ".join(f"{what} {count:,}" for what, count in counts.details.get(change, {}).items())
        say(f"{change:<10} {images:>9,}   {details}")
    if not counts.kinds:
        say("no difference")
    if out:
        say(f"the changes are in {out}")


def _wanted(workspace: Workspace, table: Path | None, ids: list[str] | None, urls: list[str] | None) -> pl.DataFrame:
    import polars as pl

    from ..selection.withdrawal.wanted import read_wanted, wanted_values

    parts = [wanted_values(ids or []), wanted_values(urls or [], "url")]
    if table:
        parts.insert(0, read_wanted(table, workspace.sources))
    return pl.concat(parts).drop("number").unique(maintain_order=True).with_row_index("number")


def _tell(found: Withdrawal, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show({
            "withdrawn": found.rows.to_dicts(), "unknown": found.unknown, "withdrawn_before": found.before,
            "copies": found.copies, "same_picture": found.staying, "shards": found.shards,
            "raw": {str(path): files for path, files in found.raw.items()},
        })  # fmt: skip
        return
    samples = found.rows.filter(found.rows["split"] != "").height
    verb = "would be withdrawn" if dry_run else "withdrawn"
    say(f"{found.rows.height:,} images {verb}, {samples:,} of them samples, in {len(found.shards):,} shards")
    for shard in found.shards[:_SHOWN]:
        say(f"  {shard}")
    _tell_rest(len(found.shards))
    if found.before:
        say(f"{found.before:,} were withdrawn already")
    if found.copies:
        say(f"{found.copies:,} of them show the same picture as another, and would have taken its place")
    if found.staying:
        say(f"{found.staying:,} other images show the same pictures and stay; --same-picture withdraws them too")
    _tell_unknown(found)
    if found.raw:
        say("these files of the sources still hold them, and were not touched:")
        for path, files in list(found.raw.items())[:_SHOWN]:
            say(f"  {path}: {', '.join(files[:3])}{f' and {len(files) - 3:,} more' if len(files) > 3 else ''}")
        _tell_rest(len(found.raw))


def _tell_rest(count: int) -> None:
    if count > _SHOWN:
        say(f"  and {count - _SHOWN:,} more; --json names all")


def _tell_unknown(found: Withdrawal) -> None:
    if found.unknown:
        say(f"{len(found.unknown):,} name no image of the dataset:")
        for value in found.unknown[:_SHOWN]:
            say(f"  {value}")
        _tell_rest(len(found.unknown))
