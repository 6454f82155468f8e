"""Models in ONNX files, run by onnxruntime on a GPU where there is one, or on one core of the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from ...core.extras import import_extra
from ...core.files import exists, fingerprint, is_no_file, sha256
from ...core.tables import Array
from ...core.text import reason
from ...errors import ConfigError, InputError
from .models import ModelFacts, Request, batch_for
from .preparation import (
    DEFAULT_SIZE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Layout,
    Preparation,
    Stated,
    stated_beside,
    stated_by_onnx,
)

Side = int | str | None
"""The length of an axis: a number, or a name or nothing where it may be any."""
Shape = Sequence[Side]
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
}
_CPU = "CPUExecutionProvider"
_GPU = ("CUDAExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider")
_ONLY_ERRORS = 3  # onnxruntime warns of each operation that it leaves on the CPU
_MEANT_AS_VECTOR = 2  # axes: images and numbers; one more for each axis of a map of features


class OnnxModel:
    """A model in an ONNX file; see :class:`~.models.Model`.

    Raises:
        InputError: the file is not there, is not the one that is meant, or cannot be loaded.
        ConfigError: a GPU is asked for and cannot be used.
    """

    def __init__(self, facts: ModelFacts) -> None:
        path = Path(facts.reference)
        self._session = _open_session(path, facts.device)
        if hash_model(path) != facts.sha256:
            raise InputError(f"{path} is not the model that it was when the run began: run the same command again")
        self._facts = facts
        self._input = self._session.get_inputs()[0].name
        provider = self._session.get_providers()[0]
        self.batch = batch_for(facts, on_gpu=provider != _CPU)
        self.made_with: Mapping[str, str] = {"onnxruntime": _runtime().__version__, "device": provider}

    def vectors(self, images: Array) -> Array:
        """See :class:`~.models.Model`."""
        with _errors_of(Path(self._facts.reference)):
            (output,) = self._session.run([self._facts.output], {self._input: images})
        return _pooled(np.asarray(output), self._facts.preparation.layout).astype(np.float32)


def inspect_onnx(request: Request) -> ModelFacts:
    """What is to be known of the model in an ONNX file; it is run once, over a gray image.

    Raises:
        InputError: the file is not there, or cannot be loaded or run.
        ConfigError: it does not take images, or has no output that is a vector for each; the options or its metadata
            contradict its shape; or a GPU is asked for and cannot be used.
        MissingExtra: onnxruntime is not installed.
    """
    path = Path(request.model).absolute()
    session = _open_session(path, request.device)
    preparation, batch = _preparation(session, path, request.stated)
    images = np.stack([preparation.prepare(np.full((*preparation.size[::-1], 3), 127, np.uint8))] * (batch or 1))
    with _errors_of(path):
        values = session.run(None, {session.get_inputs()[0].name: images})
    outputs = {one.name: np.asarray(value) for one, value in zip(session.get_outputs(), values, strict=True)}
    output = _choose_output(outputs, path, request.output, len(images))
    dimensions = _pooled(outputs[output], preparation.layout).shape[1]
    return ModelFacts("onnx", str(path), hash_model(path), preparation, output, dimensions, batch, request.device)


def hash_model(path: Path) -> str:
    """The SHA-256 of an ONNX file; where weights lie in files beside it, a digest of all of them.

    Such files are called as the model with ``.data``, ``_data`` or the like behind its name.
    """
    beside = sorted(one for one in path.parent.iterdir() if one.name.startswith((f"{path.name}.", f"{path.name}_")))
    weights = [one for one in beside if "data" in one.name.removeprefix(path.name)]
    return fingerprint([sha256(one) for one in (path, *weights)]) if weights else sha256(path)


def _runtime() -> Any:
    return import_extra("onnxruntime", "embed", "a model in an ONNX file")


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Errors of onnxruntime, whose classes have no public name, as what they are: those of a model."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime") and not isinstance(error, RuntimeError | ValueError):
            raise
        raise InputError(f"the model {path} cannot be run: {reason(error)}") from None


def _open_session(path: Path, device: str) -> Any:
    runtime = _runtime()
    if is_no_file(path) or not exists(path):
        raise InputError(f"there is no model {path}: --model names an ONNX file, or open_clip:NAME:WEIGHTS")
    gpus = _gpus(runtime) if device != "cpu" else []
    if device == "cuda" and not gpus:
        raise ConfigError(
            f"--set device=cuda: this onnxruntime can use {', '.join(runtime.get_available_providers())} only; "
            "onnxruntime-gpu, installed in its place, uses GPUs of NVIDIA"
        )
    options = runtime.SessionOptions()
    # There is a worker for each core; and sums of floats depend on how they are divided between threads.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _ONLY_ERRORS
    try:
        session = runtime.InferenceSession(str(path), options, providers=[*gpus, _CPU])
    except Exception as error:  # noqa: BLE001 - its errors have no class in common
        raise InputError(f"{path} is no ONNX model that onnxruntime loads: {reason(error)}") from None
    if device == "cuda" and session.get_providers()[0] == _CPU:
        raise ConfigError("--set device=cuda: onnxruntime finds no GPU here that it can use")
    return session


def _gpus(runtime: Any) -> list[str]:
    """The providers for GPUs that this onnxruntime has."""
    gpus = [one for one in _GPU if one in runtime.get_available_providers()]
    preload: Callable[..., None] | None = getattr(runtime, "preload_dlls", None)
    if gpus and preload:
        preload()  # libraries of CUDA that pip has installed are found only so
    return gpus


def _preparation(session: Any, path: Path, given: Stated) -> tuple[Preparation, int]:
    """How images are prepared for a model, and how many it always takes; 0 for any number."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in _DTYPES:
        raise ConfigError(
            f"{path} takes {_list(inputs)}: a model of images takes one input of 4 axes, images x 3 x height x width "
            f"or images x height x width x 3, of {', '.join(_DTYPES)}"
        )
    shape, dtype = inputs[0].shape, _DTYPES[inputs[0].type]
    metadata = stated_by_onnx(session.get_modelmeta().custom_metadata_map, path, given)
    stated = given.over(metadata.over(stated_beside(path, given)))
    layout = _layout(shape, path, stated.layout)
    preparation = Preparation(_size(shape, layout, path, given, stated), layout, dtype, fit=stated.fit or "stretch")
    batch = shape[0] if _is_fixed(shape[0]) else 0
    if dtype == "uint8":
        if given.mean or given.std:
            raise ConfigError(f"--set mean and std: {path} takes bytes, as they are")
        return replace(preparation, mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0, order=stated.order or "RGB"), batch
    mean, std = stated.mean or IMAGENET_MEAN, stated.std or IMAGENET_STD
    scale, order = stated.scale or preparation.scale, stated.order or "RGB"
    return replace(preparation, mean=mean, std=std, scale=scale, order=order), batch


def _size(shape: Shape, layout: Layout, path: Path, given: Stated, stated: Stated) -> tuple[int, int]:
    """Width and height: those of the input's shape where they are fixed."""
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    own = stated.size or DEFAULT_SIZE
    size = (width if _is_fixed(width) else own[0], height if _is_fixed(height) else own[1])
    if given.size and size != given.size:
        raise ConfigError(
            f"--set size={given.size[0]}x{given.size[1]}: {path} takes images of {size[0]}x{size[1]} only"
        )
    return size


def _is_fixed(side: Side) -> TypeGuard[int]:
    return isinstance(side, int) and side > 0


def _layout(shape: Shape, path: Path, stated: Layout | None) -> Layout:
    """The order of the axes: the one of the three colours is 3 long, or of any length."""
    axes: dict[Layout, Side] = {"NCHW": shape[1], "NHWC": shape[3]}
    possible = [layout for layout, axis in axes.items() if axis == 3 or not _is_fixed(axis)]
    if stated in possible:
        return stated
    if stated or not possible:
        images = f"{stated} images" if stated else "images of three colours"
        raise ConfigError(f"{path} takes no {images}: the shape of its input is {_shape(shape)}")
    return next((layout for layout in possible if axes[layout] == 3), possible[0])


def _choose_output(outputs: Mapping[str, Array], path: Path, wanted: str, images: int) -> str:
    """The output to take: the wanted one, or the last with a vector for each image, or the last with a map."""
    usable = [
        name
        for axes in (_MEANT_AS_VECTOR, _MEANT_AS_VECTOR + 2)
        for name, value in reversed(list(outputs.items()))
        if value.ndim == axes and value.shape[0] == images and value.shape[1] > 1 and value.dtype.kind == "f"
    ]
    if wanted in usable or (usable and not wanted):
        return wanted or usable[0]
    listed = ", ".join(f"{name} of {_shape(value.shape)} {value.dtype}" for name, value in outputs.items())
    needed = "images x numbers, or images x channels x height x width, which is averaged over the picture"
    raise ConfigError(
        f"--set output={wanted}: {path} has the outputs {listed}; take one of {needed}"
        if wanted
        else f"{path} has no output that is a vector for each image, {needed}; it has {listed}"
    )


def _pooled(values: Array, layout: Layout) -> Array:
    """A vector for each image: maps of features are averaged over the picture."""
    if values.ndim == _MEANT_AS_VECTOR:
        return values
    pooled: Array = values.astype(np.float32).mean(axis=(2, 3) if layout == "NCHW" else (1, 2))
    return pooled


def _list(values: Sequence[Any]) -> str:
    return ", ".join(f"{one.name} of {_shape(one.shape)} {one.type}" for one in values)


def _shape(shape: Shape) -> str:
    return "x".join("?" if side is None else str(side) for side in shape)
