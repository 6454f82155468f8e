"""report: catalog, ledger and findings -> reports/. Not a part of build: it needs the extra ``reports``."""

from ...reports.report import ReportInputs, report_files, write_report
from ...reports.statistics import STEP_VERSION, licence_table
from ...shards.locations import list_shards, load_locations
from ...shards.reader import Dataset
from ..check_results import check_results
from ..stage import Item, Job, Stage, digest_of
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage."""
    paths = workspace.paths

    def items() -> list[Item]:
        files = {"catalog": paths.catalog, "ledger": paths.ledger, "licences": licence_table(paths)}
        # By name: one that cannot be read must not stop the stage that makes it again.
        files |= {f"findings {path.stem}": path for path in sorted(paths.findings_folder.glob("*.parquet"))}
        checks = {"checks": lambda evidence: check_results(evidence.records)}
        return [
            Item(
                "report",
                {"files": digest_of(files), **checks},
                tuple(report_files(paths.reports)),
                requires=(paths.catalog,),
            )
        ]

    return Stage(
        name="report",
        needs=("catalog", "check-wds", "check-taxa"),
        version=STEP_VERSION,
        settings={},
        items=items,
        run=lambda job: _write(workspace, job),
    )


def _write(workspace: Workspace, job: Job) -> str:
    paths, listener = workspace.paths, job.runner.listener
    shards = [shard.index for shard in list_shards(paths) if shard.split != "train_small"]
    dataset = Dataset(paths, load_locations(paths, listener))
    inputs = ReportInputs(
        title=paths.root.name,
        catalog=paths.catalog,
        ledger=paths.ledger,
        indexes=shards,
        checks=check_results(job.records),
        licences=licence_table(paths),
        findings=paths.findings_folder,
        further=[paths.log_file("check-wds"), paths.log_file("check-taxa"), paths.name_findings_csv],
        dataset=dataset,
    )
    with workspace.database() as database:
        numbers = write_report(database, paths.reports, inputs, listener)
    return f"{numbers['images']:,} images, {numbers['taxa']['species']:,} species"
