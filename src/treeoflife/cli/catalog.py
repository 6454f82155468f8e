"""The command that writes a catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, WorkersOption, working


def catalog(
    shards: Annotated[
        list[str] | None,
        typer.Argument(help="Anybody's shards: brace patterns, globs, folders. Without them, the dataset's own."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", help="For SHARDS: where it goes, .csv or .parquet.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="For SHARDS: the mapping that says where images came from.")
    ] = None,
    workers: WorkersOption = None,
) -> None:
    """Write the catalog: from the shards' own indexes, or from the texts in anybody's shards."""
    if not shards:
        from ..pipeline import build as pipeline

        with working(config) as run:
            print(f"catalog: {pipeline.build(run, ['catalog', 'checksums']).get('catalog', 'up to date')}")
        return
    from ..core.files import replacing
    from ..core.terminal import listener
    from ..shards import foreign as anybodys

    if out is None or out.suffix not in (".csv", ".parquet"):
        raise ConfigError("--out names the catalog to write from SHARDS: a file that ends in .csv or .parquet")
    rows = anybodys.catalog(shards, mapping, workers, listener())
    with replacing(out) as temporary:
        rows.write_csv(temporary) if out.suffix == ".csv" else rows.write_parquet(temporary)
