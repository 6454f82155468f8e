"""embed with a model of open_clip gives the vectors that open_clip itself gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import require, run_in, run_python

from treeoflife.shards.embeddings.vectors import open_vectors

CONFIG = {
    "model_cfg": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 48, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]},
}
"""A tiny model, with a normalisation of its own."""
DRAWN_WEIGHTS = """
import open_clip, torch
torch.manual_seed(1)
open_clip.add_model_config("configs")
torch.save(open_clip.create_model("tiny").state_dict(), "tiny/open_clip_pytorch_model.bin")
"""
BY_OPEN_CLIP = """
import io, json, tarfile
import open_clip, torch
from PIL import Image
torch.set_num_threads(1)
model, prepare = open_clip.create_model_from_pretrained("local-dir:tiny")
model.eval()
found = {}
for path in open("shards.txt").read().split():
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".jpg"):
                image = prepare(Image.open(io.BytesIO(tar.extractfile(member).read())))
                with torch.inference_mode():
                    vector = model.encode_image(image[None], normalize=True)[0]
                found[member.name.partition(".")[0]] = vector.tolist()
json.dump(found, open("expected.json", "w"))
"""


@pytest.mark.trainers
def test_vectors_are_those_of_open_clip(training_folder: Path) -> None:
    """In two processes, by a folder and by a file of weights; and none is made twice."""
    require("torch", "open_clip")
    (training_folder / "tiny").mkdir()
    (training_folder / "configs").mkdir()
    (training_folder / "configs/tiny.json").write_text(json.dumps(CONFIG["model_cfg"]))
    (training_folder / "tiny/open_clip_config.json").write_text(json.dumps(CONFIG))
    run_python(training_folder, DRAWN_WEIGHTS)
    shards = [path for split in ("train", "val") for path in sorted(training_folder.glob(f"OUT/*x*/{split}/*.tar"))]
    (training_folder / "shards.txt").write_text("\n".join(map(str, shards)))
    run_python(training_folder, BY_OPEN_CLIP)
    expected = json.loads((training_folder / "expected.json").read_text())
    command = [sys.executable, "-c", "from treeoflife.cli import main; main()", "embed", "--config", "OUT"]
    words = ["--model", "open_clip:local-dir:tiny", "--workers", "2"]
    assert "embedded now" in run_in(training_folder, *command, *words)
    assert "up to date" in run_in(training_folder, *command, *words)
    vectors = open_vectors(training_folder / "OUT/embeddings/tiny")
    ids, matrix = vectors.read()
    assert sorted(ids) == sorted(expected)
    assert vectors.settings["mean"] == [0.4, 0.5, 0.6]
    np.testing.assert_allclose(matrix, [expected[one] for one in ids], atol=2e-3)
