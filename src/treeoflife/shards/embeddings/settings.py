"""What a user says of a model, as words of a command: KEY=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import ConfigError
from .models import OPEN_CLIP, Request, split_open_clip
from .preparation import read_stated, read_word

_OF_IMAGES = ("size", "mean", "std", "layout", "fit")
_KEYS = (*_OF_IMAGES, "output", "device", "name")


def read_request(model: str, settings: Sequence[str]) -> Request:
    """A model as the user asks for it.

    Args:
        model: a path, or ``open_clip:NAME`` and the like. A path is made absolute: workers may run elsewhere.
        settings: ``KEY=VALUE`` each.

    Raises:
        ConfigError: no model is named, or a setting is unknown or malformed.

    >>> read_request("open_clip:hf-hub:imageomics/bioclip", ["size=224", "device=cpu"]).stated.size
    (224, 224)
    """
    if not model or model == OPEN_CLIP:
        raise ConfigError(
            "--model names the model: an ONNX file, or one of open_clip, such as open_clip:hf-hub:imageomics/bioclip-2"
        )
    values = dict[str, str]()
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in _KEYS or not value:
            raise ConfigError(f"--set {setting}: give KEY=VALUE; the keys are {', '.join(_KEYS)}")
        if values.setdefault(key, value) != value:
            raise ConfigError(f"--set {setting}: {key} is {values[key]} already")
    return Request(
        model=_absolute(model),
        stated=read_stated({key: values.get(key) for key in _OF_IMAGES}, "--set "),
        output=values.get("output", ""),
        device=read_word(values.get("device", "auto"), "--set device", ("auto", "cpu", "cuda")),
        name=values.get("name", ""),
    )


def _absolute(model: str) -> str:
    """The model with its path, or that of its weights, as an absolute one."""
    if not model.startswith(OPEN_CLIP):
        return str(Path(model).expanduser().absolute())
    name, weights = split_open_clip(model)
    return f"{OPEN_CLIP}{name}:{Path(weights).absolute()}" if weights and Path(weights).is_file() else model
