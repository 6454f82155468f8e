"""The command that makes vectors of images."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .clusters import detach_driver
from .common import DEFAULT_CONFIG, ConfigOption, DetachOption, EngineOption, WorkersOption, say, working


def embed(
    shards: Annotated[
        list[str] | None,
        typer.Argument(help="Any shards: brace patterns, globs, folders. Without them, the dataset's own."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    model: Annotated[
        str, typer.Option("--model", help="An ONNX file, open_clip:NAME:WEIGHTS, or open_clip:hf-hub:OWNER/NAME.")
    ] = "",
    out: Annotated[Path | None, typer.Option("--out", help="For SHARDS: the folder for the vectors.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What the model's file does not say; may be given several times. Of its images: size, mean, std, "
            "layout, fit. output: the one to take. device: auto, cpu or cuda. name: what the vectors are called.",
        ),
    ] = None,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: DetachOption = False,
) -> None:
    """Make a vector of every image with a model, so that similar images can be found.

    What is there already is not made again, unless its shard, the model or a setting changed.
    """
    from ..core.system import cores
    from ..core.terminal import listening
    from ..engines.local import LocalEngine
    from ..pipeline.embed import embed_dataset, embed_shards
    from ..shards.embeddings.settings import read_request

    request = read_request(model, settings or [])
    if not shards:
        if out:
            raise ConfigError("--out is for SHARDS: the vectors of a dataset are in its own folder embeddings")
        if detach:
            words = [word for one in settings or [] for word in ("--set", one)]
            detach_driver(config, engine, "embed", "--model", request.model, *words)
            return
        with working(config, workers, engine) as session:
            outcome = embed_dataset(session, request)
    elif out is None or engine or detach:
        raise ConfigError("SHARDS need --out, a folder for the vectors; --engine and --detach are for a dataset")
    else:
        with listening() as listener, closing(LocalEngine(workers or cores())) as local:
            outcome = embed_shards(shards, request, out, local, listener)
    for sentence in outcome.sentences():
        say(sentence)
