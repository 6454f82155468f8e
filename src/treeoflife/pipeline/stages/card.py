"""card: catalog, ledger, what is known of images, the configuration -> README.md, croissant.json, sample pictures."""

from collections.abc import Sequence

from ...config.config import resolve_paths
from ...config.paths import real_path
from ...core.files import exists, fingerprint
from ...core.versions import __version__
from ...publish.own_files import users_files
from ...publish.shown_config import show_config
from ...reports import statistics
from ...shards import captions
from ...shards.pack import planned_shards
from ..check_results import check_results
from ..stage import Input, Item, Job, Stage, digest_of
from ..stage_records import Record, StageRecords
from ..workspace import Workspace
from .credits import missing_of, names_of

STEP_VERSION = 2
_ADDRESS = ("published", "address")


def declare(workspace: Workspace) -> Stage:
    """The stage. A card or description that the user wrote, or changed, stays as it is."""
    paths = workspace.paths

    def items() -> list[Item]:
        kept = users_files(paths)
        files = tuple(path for path in (paths.card, paths.croissant) if path not in kept)
        return [
            Item(
                "card",
                _inputs(workspace),
                files,
                paths.all_card_pictures(),
                requires=(paths.catalog, paths.catalog_csv),
            )
        ]

    return Stage(
        name="card",
        needs=("pack", "catalog", "check-taxa", "credits"),
        version=[STEP_VERSION, statistics.STEP_VERSION, captions.STEP_VERSION],
        settings={"program": __version__},
        items=items,
        run=lambda job: _write(workspace, job),
        complaint=missing_of(paths.root),
    )


def _inputs(workspace: Workspace) -> dict[str, Input]:
    config, paths = workspace.config, workspace.paths
    tables = (paths.catalog, paths.ledger, paths.provenance, paths.facts, paths.duplicates, paths.findings("quality"))
    return {
        "tables": digest_of({path.name: path for path in tables}),
        "shards": lambda _: fingerprint({task.label: task.fingerprint for task in planned_shards(paths)}),
        "shards_address": str(config.storage.shards or ""),  # croissant.json names each shard by its address
        "config": shown_config(workspace),
        "card": config.card.model_dump(mode="json"),
        "downloads": paths.downloads,
        "marks": exists(paths.marks),
        "credits": [exists(paths.credits), exists(paths.licences)],
        "checks": lambda evidence: check_results(evidence.records).get("check-taxa", []),
        "url": lambda evidence: address(workspace, evidence.records),
    }


def shown_config(workspace: Workspace) -> str:
    """The configuration as the card shows it, without paths of the computer."""
    root, settings = workspace.paths.root, {}
    for source in workspace.sources:  # whose classes are loaded: the registry would look for plug-ins once more
        table = {key: value for key, value in workspace.config.sources[source.name].items() if key != "kind"}
        settings[source.name] = resolve_paths(source.Settings.model_validate(table), real_path(root))
    return show_config(workspace.config, settings, root)


def address(workspace: Workspace, records: StageRecords) -> str:
    """Where the dataset is published: as configured, else as :func:`record_address` was told last; empty if unknown."""
    record = records.get(*_ADDRESS)
    return workspace.config.card.url or (str(record.result["url"]) if record else "")


def record_address(records: StageRecords, url: str) -> None:
    """Keep the address at which the dataset is published, for this card and later ones."""
    records.put(*_ADDRESS, Record({}, {}, {"url": url}))


def _write(workspace: Workspace, job: Job) -> str:
    # Imported here, since a build or status that has nothing to do needs none of it.
    from ...publish import figures
    from ...publish.card import write_card
    from ...publish.card_inputs import CardInputs
    from ...publish.croissant import write_croissant
    from ...publish.pictures import write_pictures

    paths, listener = workspace.paths, job.runner.listener
    listener.start("card", 1, "files")
    with workspace.database() as database:
        counted = figures.count(database, paths)
        licences = sorted({one.name for one in counted.licences if one.name})
        pictures = write_pictures(database, paths, licences)
    inputs = CardInputs(
        paths=paths,
        config=workspace.config,
        figures=counted,
        pictures=pictures,
        origins=_origins(workspace, counted.bioscan),
        check_results=check_results(job.records).get("check-taxa", []),
        shown_config=shown_config(workspace),
        url=address(workspace, job.records),
    )
    kept = users_files(paths)
    written = [one.path for one in pictures]
    writers = {paths.card: write_card, paths.croissant: write_croissant}
    written += [write(inputs) for path, write in writers.items() if path not in kept]
    job.finish("card", names_of(paths.root, written))
    summary = f"{counted.images:,} images, {counted.numbers['taxa']['species']:,} species"
    listener.finish(summary)
    return summary


def _origins(workspace: Workspace, bioscan: Sequence[str]) -> dict[str, str]:
    """What is known of the sources' origins: by their kind, by the preset of a list, and by the parts of BIOSCAN."""
    origins = {}
    for name, table in workspace.config.sources.items():
        kind = str(table.get("kind", name))
        origins[name] = next(iter(bioscan), kind) if kind == "bioscan" else str(table.get("preset") or kind)
    return origins
