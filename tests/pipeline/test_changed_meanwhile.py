"""A table that is edited while a stage reads it, and edited back, is noticed in every stage that reads tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers import built, configured
from treeoflife.errors import InputError
from treeoflife.pipeline.opening import inspecting, working
from treeoflife.pipeline.stage import Job
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.testing.world import draw_world


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs, a table, a hold-out list, a table of names, and the dataset made of these."""
    root = tmp_path_factory.mktemp("meanwhile")
    world = draw_world(root / "world", images=30)
    (root / "photos").mkdir()
    rows = ["file,scientific_name"]
    for number, picture in enumerate(sorted((world.root / "dataset").rglob("*.jpg"))[:8]):
        shutil.copy(picture, root / "photos" / f"{number}.jpg")
        rows.append(f"{number}.jpg,{'Turdus merula' if number < 6 else 'Parus major'}")
    (root / "birds.csv").write_text("\n".join(rows) + "\n")
    (root / "list.txt").write_text("Parus major\n")
    (root / "resolved.jsonl").write_text('{"Turdus merula": {"gbif": {"family": "Turdidae"}}}\n')
    shutil.move(root / "birds.csv", root / "photos")
    config = configured(root / "out", "folder", root / "photos")
    text = config.read_text().replace("# resolved = ", f'resolved = "{root / "resolved.jsonl"}"')
    config.write_text(text + f'\n[[holdout]]\npath = "{root / "list.txt"}"\n')
    (root / "out" / "marks.csv").write_text("treeoflife_id,verdict\n")
    built(config)
    return root


@pytest.mark.parametrize(
    ("stage", "table"),
    [
        ("metadata", "photos/birds.csv"),
        ("metadata", "resolved.jsonl"),
        ("metadata", "out/marks.csv"),
        ("plan", "list.txt"),
        ("plan", "out/marks.csv"),
        ("check-wds", "list.txt"),
    ],
)
def test_a_table_that_is_another_while_a_stage_reads_it_is_named(
    whole: Path, tmp_path: Path, stage: str, table: str
) -> None:
    """The stage is not done then, and the next run makes of it what it would have made."""
    path, kept = whole / table, tmp_path / "kept"

    def run(job: Job) -> str:
        path.rename(kept)
        try:
            path.write_bytes(kept.read_bytes().replace(b"\n", b"\n\n", 1))
            return session.stages[stage].run(job)
        finally:
            shutil.move(kept, path)

    with working(open_workspace(whole / "out")) as session:
        with pytest.raises(InputError, match=f"{path.name} changed while it was read for {stage}"):
            session.remake(stage, [stage], run)
        session.remake(stage, [stage])
    with inspecting(open_workspace(whole / "out")) as session:
        assert session.state(stage).fresh
