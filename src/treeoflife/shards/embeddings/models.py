"""Models of images: what is known of one before it is loaded, and what it does once it is.

A model is an ONNX file (:mod:`.onnx_model`), or one of open_clip (:mod:`.open_clip_model`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from ...core.tables import Array
from ...errors import ConfigError
from .preparation import Preparation, Stated

Device = Literal["auto", "cpu", "cuda"]
OPEN_CLIP = "open_clip:"
CPU_BATCH = 1
"""Images that a core is given at once. With one, the vector of an image cannot depend on its neighbours in the shard;
more of them made EfficientNet-Lite0 at most a tenth faster."""
GPU_BATCH = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Request:
    """A model as the user asks for it.

    Attributes:
        model: a path of an ONNX file, or ``open_clip:NAME`` with ``:WEIGHTS`` behind it.
        stated: what the user states about its images.
        output: the output to take; empty for the last that is a vector.
        device: where it is to run; ``auto`` takes a GPU where there is one.
        name: what its vectors are called; empty for a name that follows from the model's.
    """

    model: str
    stated: Stated = Stated()
    output: str = ""
    device: Device = "auto"
    name: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """What workers need to know of a model, and what its vectors are recorded with.

    Attributes:
        kind: which module loads it.
        reference: the path of its file, or its name with that of the weights.
        sha256: of the file, or of the weights.
        preparation: how images are prepared for it.
        output: the output that is taken.
        dimensions: numbers of a vector.
        batch: the number of images that it always takes; 0 if it takes any.
        device: where it is to run.
    """

    kind: Literal["onnx", "open_clip"]
    reference: str
    sha256: str
    preparation: Preparation
    output: str
    dimensions: int
    batch: int
    device: Device

    @property
    def settings(self) -> dict[str, Any]:
        """What its vectors depend on beside the weights, as JSON values."""
        return self.preparation.settings | {"output": self.output}

    @property
    def title(self) -> str:
        """What it is called, for the record: the name of its file, or its name in open_clip, without any folder."""
        return Path(self.reference).name


class Model(Protocol):
    """A model that is loaded.

    Attributes:
        batch: how many images it is given at once.
        made_with: versions and device, for the record.
    """

    batch: int
    made_with: Mapping[str, str]

    def vectors(self, images: Array) -> Array:
        """The vectors of ``batch`` images that were prepared for it: a row of 32-bit floats for each.

        Raises:
            InputError: it fails over them.
        """


def batch_for(facts: ModelFacts, *, on_gpu: bool) -> int:
    """How many images a model is given at once."""
    return facts.batch or (GPU_BATCH if on_gpu else CPU_BATCH)


def vectors_name(request: Request) -> str:
    """What the vectors of a model are called: a name of a folder.

    Raises:
        ConfigError: the name that the user gives is none.

    >>> vectors_name(Request("models/dino v2.onnx")), vectors_name(Request("dinov2-small/onnx/model.onnx"))
    ('dino-v2', 'dinov2-small')
    >>> vectors_name(Request("open_clip:ViT-B-16:openai")), vectors_name(Request("open_clip:hf-hub:imageomics/bioclip"))
    ('ViT-B-16-openai', 'bioclip')
    """
    if request.name:
        if not _NAME.fullmatch(request.name):
            raise ConfigError(f"--set name={request.name}: give letters, digits, dots, hyphens and underscores")
        return request.name
    if request.model.startswith(OPEN_CLIP):
        name, weights = split_open_clip(request.model)
        text = "-".join(filter(None, (Path(name.rpartition(":")[2]).name, Path(weights).stem)))
    else:
        text = _file_name(Path(request.model))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_LONGEST_NAME]
    if not name:
        raise ConfigError(f"--set name=NAME must say what the vectors of {request.model} are to be called")
    return name


def _file_name(path: Path) -> str:
    """What a file of a model is called; one called model.onnx, as by the Hugging Face Hub, as its folder."""
    folder = path.parent.parent if path.parent.name == "onnx" else path.parent
    return (folder.name if path.stem == "model" else "") or path.stem


def split_open_clip(model: str) -> tuple[str, str]:
    """The name of a model of open_clip, and its weights if they are named too.

    >>> split_open_clip("open_clip:ViT-B-16:openai"), split_open_clip("open_clip:hf-hub:imageomics/bioclip")
    (('ViT-B-16', 'openai'), ('hf-hub:imageomics/bioclip', ''))
    """
    text = model.removeprefix(OPEN_CLIP)
    if text.startswith(("hf-hub:", "local-dir:")):
        return text, ""
    name, _, weights = text.partition(":")
    return name, weights
