"""How an image becomes the numbers that a model takes: size, order of axes, range of values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from ...config.tables import Images
from ...core.json_reader import read_json_file
from ...core.tables import Array
from ...core.values import Skip
from ...errors import ConfigError
from ...images.convert import decode

Layout = Literal["NCHW", "NHWC"]
Fit = Literal["stretch", "crop", "pad"]
Channels = tuple[float, float, float]
T = TypeVar("T")

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
DEFAULT_SIZE = (224, 224)
_LARGEST_SIDE = 8192
# The values of these keys are listed in MetadataProps.md of ONNX.
_PIXEL_FORMAT, _PIXEL_RANGE = "Image.BitmapPixelFormat", "Image.NominalPixelRange"
_RANGES: dict[str, tuple[float, float, float]] = {  # scale, mean, std
    "nominalrange_0_255": (1.0, 0.0, 1.0),
    "normalized_0_1": (1 / 255, 0.0, 1.0),
    "normalized_1_1": (1 / 255, 0.5, 0.5),
}


@dataclass(frozen=True)
class Stated:
    """What somebody states about the images that a model takes; None where nothing is stated.

    Attributes:
        size: width and height in pixels.
        layout: the order of the axes.
        mean, std: of each channel, in the range of values that ``scale`` leads to.
        scale: what pixels of 0 to 255 are multiplied with first.
        order: the order of the channels.
        fit: how an image of another shape is made to fit; see :class:`~treeoflife.config.tables.Images`.
    """

    size: tuple[int, int] | None = None
    layout: Layout | None = None
    mean: Channels | None = None
    std: Channels | None = None
    scale: float | None = None
    order: Literal["RGB", "BGR"] | None = None
    fit: Fit | None = None

    def over(self, other: Stated) -> Stated:
        """What is stated here, and what ``other`` states beside that."""
        own = {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}
        return replace(other, **own)


@dataclass(frozen=True)
class Preparation:
    """How images are prepared for a model. The attributes are those of :class:`Stated`; ``dtype`` is NumPy's.

    >>> Preparation((224, 224), "NCHW", "float32").shape(2)
    (2, 3, 224, 224)
    """

    size: tuple[int, int]
    layout: Layout
    dtype: str
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    scale: float = 1 / 255
    order: Literal["RGB", "BGR"] = "RGB"
    fit: Fit = "stretch"

    @property
    def settings(self) -> dict[str, Any]:
        """The same as JSON values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    def shape(self, images: int) -> tuple[int, int, int, int]:
        """The shape of the input for some images."""
        width, height = self.size
        return (images, 3, height, width) if self.layout == "NCHW" else (images, height, width, 3)

    def read(self, data: bytes) -> Array | Skip:
        """The image in the bytes of a file, as the model takes it; or why it cannot be decoded."""
        image = decode(data, Images.model_construct(size=self.size, fit=self.fit))
        return image if isinstance(image, Skip) else self.prepare(np.asarray(image))

    def prepare(self, pixels: Array) -> Array:
        """An image as the model takes it.

        Args:
            pixels: height x width x 3 bytes, as RGB, of the model's size.
        """
        pixels = pixels[:, :, ::-1] if self.order == "BGR" else pixels
        if self.dtype != "uint8":
            scale, mean, std = (np.array(one, np.float32) for one in (self.scale, self.mean, self.std))
            pixels = ((pixels.astype(np.float32) * scale - mean) / std).astype(self.dtype)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1) if self.layout == "NCHW" else pixels)


def read_numbers(text: str, option: str) -> Channels:
    """Three numbers, or one for all channels, as ``0.485,0.456,0.406``; brackets around them are allowed.

    Raises:
        ConfigError: it is something else.

    >>> read_numbers("[0.5, 0.5, 0.5]", "mean"), read_numbers("0.5", "mean")
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    """
    words = re.split(r"[\s,]+", text.strip().removeprefix("[").removesuffix("]").strip())
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) not in (1, 3) or not np.isfinite(values).all() or (option.endswith("std") and min(values) <= 0):
        kind = "positive numbers" if option.endswith("std") else "numbers"
        raise ConfigError(f"{option}={text}: give one or three {kind}, such as 0.485,0.456,0.406")
    red, green, blue = values * 3 if len(values) == 1 else values
    return red, green, blue


def read_size(text: str, option: str) -> tuple[int, int]:
    """A width and a height, or one number for both; brackets around them are allowed.

    Raises:
        ConfigError: it is something else.

    >>> read_size("224", "size"), read_size("320x240", "size"), read_size("[224, 224]", "size")
    ((224, 224), (320, 240), (224, 224))
    """
    sides = [int(word) for word in re.findall(r"[0-9]{1,5}", text)]
    is_size = re.fullmatch(r"\[?\s*[0-9]{1,5}(\s*[x, ]\s*[0-9]{1,5})?\s*\]?", text.strip())
    if not is_size or not all(1 <= side <= _LARGEST_SIDE for side in sides):
        raise ConfigError(f"{option}={text}: give pixels, such as 224 or 224x224, at most {_LARGEST_SIDE}")
    return sides[0], sides[-1]


def read_word(text: str, option: str, words: tuple[T, ...]) -> T:
    """One of some words, in whatever case.

    Raises:
        ConfigError: it is another.
    """
    for word in words:
        if str(word).lower() == text.strip().lower():
            return word
    raise ConfigError(f"{option}={text}: give one of {', '.join(map(str, words))}")


_READERS: dict[str, Callable[[str, str], Any]] = {
    "size": read_size,
    "mean": read_numbers,
    "std": read_numbers,
    "layout": lambda text, option: read_word(text, option, ("NCHW", "NHWC")),
    "fit": lambda text, option: read_word(text, option, ("stretch", "crop", "pad")),
}


def read_stated(texts: Mapping[str, str | None], prefix: str = "", given: Stated | None = None) -> Stated:
    """What texts state, such as the options of a command or the metadata of a model: size, mean, std, layout, fit.

    Args:
        prefix: stands before their names in messages.
        given: what need not be read, since it is stated otherwise.

    Raises:
        ConfigError: a text is not what it should be.
    """
    wanted = {name: read for name, read in _READERS.items() if getattr(given, name, None) is None}
    return Stated(**{name: read(text, prefix + name) for name, read in wanted.items() if (text := texts.get(name))})


def stated_by_onnx(metadata: Mapping[str, str], model: Path, given: Stated) -> Stated:
    """What the metadata of an ONNX model state: under the names of the options, or under those of ONNX for images.

    Args:
        given: what the user states, so that the metadata need not.

    Raises:
        ConfigError: a value is not what it should be.
    """
    named = {name.lower(): value for name, value in metadata.items()}
    stated = read_stated(named, f"{model} says in its metadata what --set must replace: ", given)
    pixel_range = metadata.get(_PIXEL_RANGE, "").lower()
    if pixel_range in _RANGES:
        scale, mean, std = _RANGES[pixel_range]
        stated = stated.over(Stated(scale=scale, mean=(mean,) * 3, std=(std,) * 3))
    if metadata.get(_PIXEL_FORMAT, "").lower().startswith("bgr"):
        stated = stated.over(Stated(order="BGR"))
    return stated


def stated_beside(model: Path, given: Stated) -> Stated:
    """What ``preprocessor_config.json`` states, in which models of the Hugging Face Hub say how images are prepared.

    It lies beside the model or in the folder above. Nothing is stated where there is no such file.

    Raises:
        ConfigError: a value is not what it should be, and the user does not state it otherwise.
        InputError: the file cannot be read.
    """
    for folder in (model.parent, model.parent.parent):
        try:
            found = read_json_file(folder / "preprocessor_config.json")
        except (FileNotFoundError, NotADirectoryError):
            continue
        return _of_preprocessor(found, given) if isinstance(found, dict) else Stated()
    return Stated()


def _of_preprocessor(found: Mapping[str, Any], given: Stated) -> Stated:
    named = {name: found.get(f"image_{name}") for name in ("mean", "std")}
    if found.get("do_normalize") is False:
        named = {"mean": 0, "std": 1}
    size = found.get("crop_size") if found.get("do_center_crop") else None
    size = size or found.get("size")
    if isinstance(size, dict):
        side = size.get("shortest_edge")
        size = [size.get("width", side), size.get("height", side)]
    texts = {name: str(value) for name, value in (named | {"size": size}).items() if value is not None}
    stated = read_stated(texts, "preprocessor_config.json says what --set must replace: ", given)
    if found.get("do_rescale") is False:
        return stated.over(Stated(scale=1.0))
    factor = found.get("rescale_factor")
    return stated.over(Stated(scale=float(factor))) if isinstance(factor, int | float) else stated
