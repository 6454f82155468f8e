"""The commands that check: shards, and the names in a catalog."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, EngineOption, JsonOption, WorkersOption, reading, say, show, working
from .jobs import DetachOption
from .jobs import detach as let_a_job_drive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..pipeline.verify import Verdict
    from ..shards.check import Finding

_SHOWN = 20


def check_wds(
    shards: Annotated[
        list[str] | None,
        typer.Argument(help="Anybody's shards: brace patterns, globs, folders. Without them, the dataset's own."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="For SHARDS: a mapping that must have every key.")
    ] = None,
    holdout: Annotated[
        list[Path] | None, typer.Option("--holdout", help="For SHARDS: a list of what must not be there.")
    ] = None,
    size: Annotated[
        str, typer.Option("--size", help="For SHARDS: the images' size, such as 224x224, or any.")
    ] = "224x224",
    *,
    detach: DetachOption = False,
    repair: Annotated[bool, typer.Option("--repair", help="Pack the dataset's bad shards again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check shards: every member there, every image sound, texts valid, keys in one place, nothing held out."""
    if shards and (repair or engine or detach):
        raise ConfigError("--repair, --engine and --detach go with the dataset of --config, not with SHARDS")
    if detach:
        let_a_job_drive(config, engine, "check-wds", *(("--repair",) if repair else ()))
        return
    if shards:
        findings = _strangers(shards, workers, mapping, holdout or [], size)
    else:
        findings = _own(config, workers, engine, repair=repair)
    if as_json:
        show({"findings": [one.to_json() for one in findings], "kinds": Counter(one.kind for one in findings)})
    else:
        _print(findings)
    if findings and not repair:
        raise typer.Exit(1)
    if findings and not as_json:
        print("repaired: the bad shards were packed again, and are good now")


def _own(config: Path, workers: int | None, engine: str | None, *, repair: bool) -> Sequence[Finding]:
    from ..pipeline.stages import check_shards as stage

    with working(config, workers, engine) as run:
        findings = stage.check(run)
        if findings and repair:
            stage.repair(run, findings)
            left = stage.check(run)
            if left:
                _print(left)
                raise typer.Exit(1)
    return findings


def _strangers(
    patterns: list[str], workers: int | None, mapping: Path | None, holdouts: list[Path], size: str
) -> Sequence[Finding]:
    from ..core.terminal import listener
    from ..shards import foreign as anybodys

    return anybodys.check(patterns, _size(size), mapping, holdouts, workers, listener())


def _size(text: str) -> tuple[int, int] | None:
    if text == "any":
        return None
    width, x, height = text.partition("x")
    if not (x and width.isdigit() and height.isdigit()):
        raise ConfigError(f"--size {text}: give WIDTHxHEIGHT, such as 224x224, or any")
    return int(width), int(height)


def _print(findings: Sequence[Finding]) -> None:
    for one in findings[:_SHOWN]:
        say(f"{one.shard}: {one.kind}{f' {one.key}' if one.key else ''}: {one.detail}")
    if len(findings) > _SHOWN:
        print(f"and {len(findings) - _SHOWN} more; --json prints all")
    shards = len({one.shard for one in findings})
    print(f"{len(findings)} findings in {shards} shards" if findings else "all shards are good")


def verify(
    out: Annotated[Path, typer.Argument(help="The folder of the dataset, or its dataset.toml.")] = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Follow so many samples, drawn by chance, in place of all.")
    ] = None,
    *,
    sources: Annotated[bool, typer.Option("--sources/--no-sources", help="Read the sources again.")] = True,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the draw; without it, every draw is another.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make again what is damaged: the same bytes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hash every file anew, and follow samples back from their shard to the store and the source."""
    from ..pipeline import verify as verifying

    with reading(out / "dataset.toml" if out.is_dir() else out, workers, engine) as run:
        verdict = verifying.verify(run, sample, sources=sources, seed=seed)
        _say(verdict, as_json=as_json and not repair)
        if verdict.damage and repair:
            print(f"made again: {len(verifying.repair(run, verdict))} files", file=sys.stderr)
            verdict = verifying.verify(run, sample, sources=sources, seed=seed)
            _say(verdict, as_json=as_json)
    if verdict.damage:
        raise typer.Exit(1)


def _say(verdict: Verdict, *, as_json: bool) -> None:
    from dataclasses import asdict

    from ..pipeline.verify import CONFIDENCE, at_most

    if as_json:
        show(asdict(verdict) | {"confidence": CONFIDENCE, "at_most": at_most(verdict.of, verdict.samples)})
        return
    for one in verdict.damage[:_SHOWN]:
        say(f"{one.file}: {one.kind}: {one.detail}")
    if len(verdict.damage) > _SHOWN:
        print(f"and {len(verdict.damage) - _SHOWN} more; --json prints all")
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
    from ..pipeline.stages import check_taxa as stage
    from ..taxonomy.check_taxa import check_taxa as look

    if catalog:
        findings = look(catalog, Checks().kingdoms)
    else:
        with working(config) as run:
            findings = stage.check(run)
    if as_json:
        show([one.to_json() for one in findings])
    else:
        for one in findings:
            say(f"{one.kind:<22} {one.images:>10,} images: {one.what}")
            for example in one.examples:
                say(f"{'':<24}{example}")
        print(f"{len(findings)} kinds of finding" if findings else "nothing found")
    if findings and strict:
        raise typer.Exit(1)
