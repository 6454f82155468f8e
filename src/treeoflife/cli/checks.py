"""The commands that check: the dataset's shards, other shards, files and samples, names."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .clusters import detach_driver
from .common import (
    DEFAULT_CONFIG,
    ConfigOption,
    DetachOption,
    EngineOption,
    JsonOption,
    WorkersOption,
    say,
    show,
    working,
)

if TYPE_CHECKING:
    from ..pipeline.verify import Verdict
    from ..shards.check import Finding

_FINDINGS_SHOWN = 20


def check_wds(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: DetachOption = False,
    repair: Annotated[bool, typer.Option("--repair", help="Pack bad shards again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the dataset's shards, and repair them.

    Every member, image and text must be sound, every key in one place, and nothing held out may be there.
    """
    if context.args:
        if repair or engine or detach:
            raise ConfigError("--repair, --engine and --detach work on the dataset of --config only, not on SHARDS")
        same_options = [*(["--workers", str(workers)] if workers else []), *(["--json"] if as_json else [])]
        _run_check_shards(context, [*context.args, *same_options])
    elif detach:
        detach_driver(config, engine, "check-wds", *(("--repair",) if repair else ()))
    else:
        _check_own_shards(config, workers, engine, repair=repair, as_json=as_json)


def _run_check_shards(context: typer.Context, arguments: list[str]) -> None:
    """Run what ``check-wds SHARDS`` is called now."""
    if all(one.startswith("-") for one in context.args):
        context.fail(f"No such option: {context.args[0]}")
    print("note: 'check-wds SHARDS' is now 'treeoflife check-shards SHARDS'", file=sys.stderr)
    assert context.parent
    command = context.parent.command.commands["check-shards"]  # type: ignore[attr-defined]
    with command.make_context("check-shards", arguments, parent=context.parent) as own_context:
        command.invoke(own_context)


def _check_own_shards(config: Path, workers: int | None, engine: str | None, *, repair: bool, as_json: bool) -> None:
    from ..pipeline.repair import check_shards as check
    from ..pipeline.repair import repair_shards

    with working(config, workers, engine) as session:
        findings = check(session)
        left = repair_shards(session, findings) if findings and repair else findings
    _show_findings(left if repair and left else findings, as_json=as_json)
    if left:
        raise typer.Exit(1)
    if findings and not as_json:
        print("repaired: the bad shards were packed again, and are good now")


def check_shards(
    shards: Annotated[list[str], typer.Argument(help="Shards: brace patterns, globs, folders.")],
    workers: WorkersOption = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A mapping or catalog that must have every key.")
    ] = None,
    holdout: Annotated[
        list[Path] | None,
        typer.Option("--holdout", help="A list of species and images that must not be there. May be repeated."),
    ] = None,
    size: Annotated[
        str, typer.Option("--size", help="The size that images must have, such as 224x224, or any.")
    ] = "224x224",
    *,
    as_json: JsonOption = False,
) -> None:
    """Check any WebDataset shards: members, images, texts, keys.

    The split of a shard is the name of its folder.
    """
    from ..core.terminal import listening
    from ..shards import foreign

    with listening() as listener:
        findings = foreign.check_shards(shards, _parse_size(size), mapping, holdout or [], workers, listener)
    _show_findings(findings, as_json=as_json)
    if findings:
        raise typer.Exit(1)


def _parse_size(text: str) -> tuple[int, int] | None:
    if text == "any":
        return None
    width, x, height = text.partition("x")
    if not (x and width.isdigit() and height.isdigit()):
        raise ConfigError(f"--size {text}: give WIDTHxHEIGHT, such as 224x224, or any")
    return int(width), int(height)


def _show_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        show({"findings": [asdict(one) for one in findings], "kinds": Counter(one.kind for one in findings)})
        return
    for one in findings[:_FINDINGS_SHOWN]:
        say(f"{one.shard}: {one.kind}{f' {one.key}' if one.key else ''}: {one.detail}")
    if len(findings) > _FINDINGS_SHOWN:
        print(f"and {len(findings) - _FINDINGS_SHOWN} more; --json prints all")
    shards = len({one.shard for one in findings})
    print(f"{len(findings)} findings in {shards} shards" if findings else "all shards are good")


def verify(
    out: Annotated[Path, typer.Argument(help="The folder of the dataset, or its dataset.toml.")] = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Follow this many samples, drawn at random, instead of all.")
    ] = None,
    *,
    sources: Annotated[bool, typer.Option("--sources/--no-sources", help="Read the sources again.")] = True,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of the draw; without it, every draw differs.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make again what is damaged: the same bytes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hash every file anew, and trace samples to sources."""
    from ..core.terminal import listening
    from ..pipeline import verify as verification
    from ..pipeline.opening import verifying
    from ..pipeline.workspace import open_workspace

    with listening() as listener, verifying(open_workspace(out, workers, engine), listener) as session:
        verdict = verification.verify(session, sample, sources=sources, seed=seed)
        _show_verdict(verdict, as_json=as_json and not repair)
        if verdict.damage and repair:
            print(f"made again: {len(verification.repair(session, verdict))} files", file=sys.stderr)
            verdict = verification.verify(session, sample, sources=sources, seed=seed)
            _show_verdict(verdict, as_json=as_json)
    if verdict.damage:
        raise typer.Exit(1)


def _show_verdict(verdict: Verdict, *, as_json: bool) -> None:
    from ..pipeline.verify import CONFIDENCE, at_most

    if as_json:
        show(asdict(verdict) | {"confidence": CONFIDENCE, "at_most": at_most(verdict.of, verdict.samples)})
        return
    for one in verdict.damage[:_FINDINGS_SHOWN]:
        say(f"{one.file}: {one.kind}: {one.detail}")
    if len(verdict.damage) > _FINDINGS_SHOWN:
        print(f"and {len(verdict.damage) - _FINDINGS_SHOWN} more; --json prints all")
    say(verdict.text())


def check_taxa(
    catalog: Annotated[
        Path | None, typer.Argument(help="A catalog or predicted catalog. Without it, the dataset's own.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if anything is found.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for wrong labels in a catalog: counts and examples."""
    from ..config.tables import Checks
    from ..pipeline.repair import check_names
    from ..taxonomy.checks.check_taxa import check_taxa as check

    if catalog:
        findings = check(catalog, Checks().kingdoms)
    else:
        with working(config) as session:
            findings = check_names(session)
    if as_json:
        show([one.to_json() for one in findings])
    else:
        for one in findings:
            say(f"{one.kind:<22} {one.images:>10,} images: {one.meaning}")
            for example in one.examples:
                say(f"{'':<24}{example}")
            say(f"{'':<24}-> {one.hint}")
        print(f"{len(findings)} kinds of finding" if findings else "nothing found")
    if findings and strict:
        raise typer.Exit(1)
