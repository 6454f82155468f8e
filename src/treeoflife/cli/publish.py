"""The commands to hand a dataset on: card, publish, captioned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, say, working

if TYPE_CHECKING:
    from ..pipeline.session import Session
    from ..publish.upload import UploadPlan


def captioned(
    shard: Annotated[Path, typer.Argument(help="A shard with the ten texts.")],
    caption: Annotated[
        list[str] | None,
        typer.Option(
            "--caption", help="A text to choose from, such as taxonTag_com or a caption of your own; may be repeated."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Choose the same captions each time.")] = None,
) -> None:
    """Write a shard to standard output with one caption per image.

    Trainers that read ID.jpg and ID.txt take it as it is.
    """
    import sys
    from random import Random

    from ..shards.single_caption import CAPTIONS, stream_shard

    def note(text: str) -> None:
        print(f"note: {text}", file=sys.stderr)

    stream_shard(shard, sys.stdout.buffer, caption or CAPTIONS, Random(seed), note)  # noqa: S311
    sys.stdout.buffer.flush()


def card(
    config: ConfigOption = DEFAULT_CONFIG,
    url: Annotated[
        str, typer.Option("--url", help="The address at which the dataset is published; later cards have it too.")
    ] = "",
) -> None:
    """Write the dataset card, croissant.json and the credits again.

    Every build writes them; the table [card] of dataset.toml has what no build can know.
    """
    from ..pipeline.describe import describe

    with working(config) as session:
        for path in describe(session, url):
            print(path)


def publish(
    repo: Annotated[str, typer.Argument(metavar="REPO", help="The dataset repository on the Hub, as OWNER/NAME.")],
    config: ConfigOption = DEFAULT_CONFIG,
    revision: Annotated[str, typer.Option("--revision", help="The branch.")] = "main",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
) -> None:
    """Upload the dataset to the Hugging Face Hub.

    Files that are there are not sent again: an upload can be resumed.
    """
    with working(config) as session:
        _publish(session, repo, revision, dry_run=dry_run, private=private)


def _publish(session: Session, repo: str, revision: str, *, dry_run: bool, private: bool) -> None:
    from ..pipeline.describe import update
    from ..pipeline.stages.card import shown_config
    from ..publish.shown_config import published_config
    from ..publish.upload import Uploader

    workspace, unfinished = session.workspace, _unfinished(session)
    copies = {workspace.paths.config: published_config(shown_config(workspace))}
    uploader = Uploader(workspace.paths, session.evidence.hashes, repo, revision, unfinished=unfinished, copies=copies)
    if not workspace.config.card.contact:
        say("note: [card] of dataset.toml has no contact: whom do owners ask to remove an image?")
    if not dry_run:
        update(session, uploader.url)
        print(_summary(uploader.upload(session.listener, private=private), "sent"))
        return
    plan = uploader.plan()
    for file in plan.files:
        print(f"{'there' if file.on_hub else 'new':<6} {file.size:>15,}  {file.name}")
    for name in plan.outdated:
        print(f"{'gone':<6} {'':>15}  {name}")
    print("first, README.md and croissant.json are written again if they lack the address of the repository")
    print(_summary(plan, "to send"))


def _unfinished(session: Session) -> str:
    """Which stage has work left, and why; empty if none has."""
    from ..pipeline.build import status

    for name, state in status(session).items():
        if not state.fresh:
            return f"{name} has work left" + (f" ({state.why[0]})" if state.why else "")
    return ""


def _summary(plan: UploadPlan, verb: str) -> str:
    new = "" if plan.exists else ", a new repository"
    size = sum(file.size for file in plan.to_send)
    return f"{plan.repo}{new}: {len(plan.to_send)} files {verb}, {size:,} bytes; {len(plan.files)} in all"
