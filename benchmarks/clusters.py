"""CPU time of each stage on a folder of raw data, and what that makes for 10 million images on a cluster.

    python benchmarks/clusters.py RAW [original|published]

The arithmetic of docs/clusters.md is what this prints. Images of other sizes take other times: encoding is
scaled by bytes, packing and checking by samples. What the driver does by itself is measured by benchmarks/rows.py.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from treeoflife.core.files import write_text
from treeoflife.images.encode import ScanTask, scan_container
from treeoflife.pipeline import build as pipeline
from treeoflife.pipeline.discover import discover
from treeoflife.pipeline.opening import working
from treeoflife.pipeline.session import Session
from treeoflife.pipeline.workspace import Workspace, open_workspace

IMAGES, RAW_BYTES = 10_000_000, 2e12
STAGES = ("encode", "pack", "check-wds")


def main() -> None:
    if len(sys.argv) < 2:
        print("left out: give a folder of raw data")
        return
    raw, kind = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "original"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        write_text(out / "dataset.toml", discover(kind, raw).text)
        workspace = open_workspace(out / "dataset.toml")
        table = workspace.config.engine.model_copy(update={"name": "serial"})
        workspace = replace(workspace, config=workspace.config.model_copy(update={"engine": table}))
        with working(workspace) as session:
            seconds = measure(session)
            tell_reading(workspace)
        tell(seconds, raw, out)


def measure(session: Session) -> dict[str, float]:
    """CPU seconds of each stage, in this process alone."""
    seconds = {}
    for stage in pipeline.ORDER:
        begin = time.process_time()
        session.make(stage)
        seconds[stage] = time.process_time() - begin
    return seconds


def tell_reading(workspace: Workspace) -> None:
    """Print how fast archives are read without decoding: what each part of a large one does with all of it."""
    archives = [(source, one) for source, one in workspace.containers() if one.path.is_file()]
    size = sum(one.path.stat().st_size for _, one in archives)
    begin = time.process_time()
    for source, one in archives:
        scan_container(ScanTask(source, one), lambda _: None)
    print(f"reading    {size / 1e6 / (time.process_time() - begin):8.0f} MB/s of {len(archives)} archives")


def tell(seconds: dict[str, float], raw: Path, out: Path) -> None:
    """Print what was measured, and the same for the whole dataset."""
    size = sum(path.stat().st_size for path in raw.rglob("*") if path.suffix in (".gz", ".zip", ".jpg", ".png", ".tar"))
    samples = sum(1 for _ in (out / "224x224" / "catalog.csv").open()) - 1
    splits = 1.095  # 95 in train, 5 in val, and a tenth of train again in train_small
    for name in STAGES:
        scale = RAW_BYTES / size if name == "encode" else IMAGES * splits / samples
        whole = seconds[name] * scale / 3600
        print(f"{name:<10} {seconds[name]:8.2f} s   times {scale:10.0f} = {whole:7.1f} core hours")
    for name in ("encoded", "224x224"):
        stored = sum(path.stat().st_size for path in (out / name).rglob("*") if path.is_file())
        scale = RAW_BYTES / size if name == "encoded" else IMAGES * splits / samples
        print(f"{name:<10} {stored / 1e6:8.1f} MB  for {samples} samples and {size / 1e6:.0f} MB of raw data")


main()
