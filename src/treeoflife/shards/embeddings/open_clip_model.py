"""Models of open_clip, such as BioCLIP, run by PyTorch: the vector is the one that is compared with those of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from ...core.tables import Array
from ...core.text import reason
from ...errors import ConfigError, InputError, MissingExtra
from .models import OPEN_CLIP, ModelFacts, Request, batch_for, split_open_clip
from .preparation import Preparation, Stated

_OUTPUT = "image_features"


class OpenClipModel:
    """A model of open_clip; see :class:`~.models.Model`.

    Raises:
        InputError: it cannot be loaded, or is not the one that is meant.
        ConfigError: a GPU is asked for and there is none.
    """

    def __init__(self, facts: ModelFacts) -> None:
        self._torch = _import("torch")
        self._facts, self._device = facts, _device(self._torch, facts.device)
        self._model = _load(facts.reference, self._device)
        if _hash_weights(self._model) != facts.sha256:
            raise InputError(f"{facts.reference} is not the model that it was when the run began: run embed again")
        self.batch = batch_for(facts, on_gpu=self._device != "cpu")
        versions = {name: str(_import(name).__version__) for name in ("torch", "open_clip")}
        self.made_with: Mapping[str, str] = versions | {"device": self._device}

    def vectors(self, images: Array) -> Array:
        """See :class:`~.models.Model`."""
        return _encode(self._torch, self._model, self._device, images)


def inspect_open_clip(request: Request) -> ModelFacts:
    """What is to be known of a model of open_clip; it is loaded, and run once over a gray image.

    Raises:
        InputError: it cannot be loaded or run.
        ConfigError: its weights are not named, an option is none that such a model has, or a GPU is asked for and there
            is none.
        MissingExtra: torch or open_clip is not installed.
    """
    if request.output or request.stated.layout:
        raise ConfigError(
            "--set output and layout are for ONNX files: a model of open_clip has one output and one layout"
        )
    torch = _import("torch")
    device = _device(torch, request.device)
    model = _load(request.model, device)
    preparation = _preparation(model, request.stated)
    gray = preparation.prepare(np.full((*preparation.size[::-1], 3), 127, np.uint8))
    dimensions = _encode(torch, model, device, gray[None]).shape[1]
    sha256 = _hash_weights(model)
    return ModelFacts("open_clip", request.model, sha256, preparation, _OUTPUT, dimensions, 0, request.device)


def _import(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"a model of open_clip needs torch and open_clip: pip install open_clip_torch ({error})"
        ) from None


def _device(torch: Any, wanted: str) -> str:
    if wanted != "cpu" and torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise ConfigError("--set device=cuda: PyTorch finds no GPU here that it can use")
    return "cpu"


def _load(reference: str, device: str) -> Any:
    """The model, in a state in which the same images give the same vectors."""
    torch, open_clip = _import("torch"), _import("open_clip")
    name, weights = split_open_clip(reference)
    _check_name(open_clip, reference, name, weights)
    torch.set_num_threads(1)  # there is a worker for each core
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    try:
        model = open_clip.create_model(name, pretrained=weights or None, device=device, require_pretrained=True)
    except Exception as error:  # noqa: BLE001 - it downloads, unpickles and compares, each with errors of its own
        raise InputError(f"open_clip cannot load {reference.removeprefix(OPEN_CLIP)}: {reason(error)}") from None
    return model.eval()


def _check_name(open_clip: Any, reference: str, name: str, weights: str) -> None:
    """Raise a ConfigError unless open_clip knows the model, and the weights are named where it has several."""
    if ":" in name:  # of a hub or a folder, which has its weights
        return
    if name not in open_clip.list_models():
        raise ConfigError(
            f"--model {reference}: open_clip has no model '{name}'; open_clip.list_models() lists its models, and "
            "open_clip:hf-hub:OWNER/NAME is one of the Hugging Face Hub, such as open_clip:hf-hub:imageomics/bioclip-2"
        )
    if not weights:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "it has none of its own, so name a file"
        raise ConfigError(f"--model {reference}: add its weights, as in {reference}:WEIGHTS; there are: {tags}")


def _preparation(model: Any, given: Stated) -> Preparation:
    """What the model says of its images, unless the user says otherwise."""
    settings = dict(_import("open_clip").get_model_preprocess_cfg(model))
    side = settings["size"]
    height, width = (side, side) if isinstance(side, int) else side
    if given.size and given.size != (width, height):
        raise ConfigError(
            f"--set size={given.size[0]}x{given.size[1]}: the model takes images of {width}x{height} only"
        )
    mean, std = given.mean or tuple(settings["mean"]), given.std or tuple(settings["std"])
    return Preparation((width, height), "NCHW", "float32", mean, std, fit=given.fit or "stretch")


def _encode(torch: Any, model: Any, device: str, images: Array) -> Array:
    try:
        with torch.inference_mode():
            vectors = model.encode_image(torch.from_numpy(images).to(device))
        result: Array = vectors.float().cpu().numpy()
    except RuntimeError as error:
        raise InputError(f"the model of open_clip cannot be run: {reason(error)}") from None
    return result


def _hash_weights(model: Any) -> str:
    """The SHA-256 of all weights with their names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()
