"""The commands to look at a dataset: report, explore, catalog."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, WorkersOption, working


def catalog(
    shards: Annotated[
        list[str] | None,
        typer.Argument(help="Any shards: brace patterns, globs, folders. Without them, the dataset's own."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", help="For SHARDS: the file to write, .csv or .parquet.")] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="For SHARDS: the mapping or catalog that says where images came from."),
    ] = None,
    workers: WorkersOption = None,
) -> None:
    """Write the catalog of the dataset's shards, or of any shards."""
    from ..core.files import replacing
    from ..core.terminal import listening
    from ..pipeline.build import build
    from ..shards import foreign

    if not shards:
        with working(config) as session:
            print(f"catalog: {build(session, ('catalog', 'checksums')).get('catalog', 'up to date')}")
        return
    if out is None or out.suffix not in (".csv", ".parquet"):
        raise ConfigError("--out names the catalog to write from SHARDS: a file that ends in .csv or .parquet")
    with listening() as listener:
        rows = foreign.catalog_shards(shards, mapping, workers, listener)
    with replacing(out) as temporary:
        rows.write_csv(temporary) if out.suffix == ".csv" else rows.write_parquet(temporary)


def report(
    catalog: Annotated[
        Path | None, typer.Argument(help="Any catalog, CSV or Parquet. Without it, the dataset's own.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", help="For CATALOG: the folder of the report.")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Make it again even if nothing changed.")] = False,
) -> None:
    """Make a page of statistics and treemaps."""
    if catalog:
        print(_report_catalog(catalog, out or catalog.parent / "reports"))
        return
    _check_writable(config)
    with working(config) as session:
        page = session.workspace.paths.reports / "index.html"
        if force:
            page.unlink(missing_ok=True)
        print(f"report: {session.make('report') or 'up to date'}")
        print(page)


def _check_writable(config: Path) -> None:
    from ..pipeline.workspace import open_workspace

    paths = open_workspace(config).paths
    if paths.root.is_dir() and not os.access(paths.root, os.W_OK):
        elsewhere = f"'treeoflife report {paths.catalog} --out FOLDER' writes the report elsewhere"
        raise ConfigError(f"{paths.root} cannot be written to: {elsewhere}")


def _report_catalog(catalog: Path, out: Path) -> Path:
    from ..core.database import open_database
    from ..core.terminal import listening
    from ..reports.report import ReportInputs, write_report

    inputs = ReportInputs(catalog.resolve().parent.name or catalog.stem, catalog, out / "no-ledger")
    with TemporaryDirectory() as folder, open_database(Path(folder, "tables")) as database, listening() as listener:
        write_report(database, out, inputs, listener)
    return out / "index.html"


def taxa(
    where: Annotated[
        list[str] | None,
        typer.Argument(help="A dataset, any catalog, or any shards. Without it, the dataset of --config."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The table to write, .csv or .parquet.")] = None,
    rank: Annotated[str | None, typer.Option("--rank", help="List the taxa of this rank alone.")] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A list of names: the table says of each whether it was seen."),
    ] = None,
    column: Annotated[
        str, typer.Option("--column", help="The column of the list with the names, if it is called otherwise.")
    ] = "",
) -> None:
    """List the taxa that a model has seen that was trained on the dataset, with the number of their images.

    With --against, it lists the names of a benchmark instead: seen, unseen, or seen only as another species of their
    genus or family.
    """
    from ..core.terminal import listening
    from ..pipeline.seen_names import find_seen_names, seen_names_in_order
    from ..pipeline.taxa import config_of, counts_by_rank, opened_taxa, write_query, write_taxa

    if out is None:
        raise ConfigError("--out names the table to write: a file that ends in .csv or .parquet")
    places = where or [str(config)]
    with listening() as listener, opened_taxa(places, listener) as database:
        if against:
            counts = find_seen_names(database, against, column, config_of(places), listener.note)
            rows = write_query(database, out, seen_names_in_order())
        else:
            counts, rows = counts_by_rank(database, rank), write_taxa(database, out, rank)
    print("; ".join(f"{name} {count:,}" for name, count in counts.items()))
    print(f"{rows:,} {'names' if against else 'taxa'} in {out}")


def explore(
    dataset: Annotated[
        Path | None, typer.Argument(help="A folder with shards. Without it, the dataset of --config.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free port.")] = 8321,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; any but this computer's needs the printed token.")
    ] = "127.0.0.1",
) -> None:
    """Look at the dataset in a browser, and mark what is wrong."""
    from ..core.terminal import listening
    from ..explore.server import serve

    with listening() as listener:
        serve(dataset or config, host, port, listener, lambda address: print(f"open {address}", flush=True))
