"""The base of all parts of a configuration."""

import ast
import inspect
import itertools
from pathlib import Path
from textwrap import dedent
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

_LARGEST = 2**63 - 1  # of an integer in TOML, in SQLite and in the columns of tables


class Model(BaseModel):
    """A part of the configuration: immutable, without unknown keys, documented under each field.

    A value must have the type of its field: ``true`` is no number, ``"5"`` neither, 2.0 no whole number, and an empty
    text no path, although Python would make one of each of them.
    """

    # A validator is built when it is first needed: most processes validate few of the models, and workers none.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def explanations(cls) -> dict[str, str]:
        """The docstring under each field, by its name.

        Pydantic can collect them (``use_attribute_docstrings``), but does so at every import: a tenth of a second.
        """
        texts: dict[str, str] = {}
        for model in reversed([one for one in cls.__mro__ if issubclass(one, Model)]):
            texts |= _field_docstrings(model)
        return texts

    @field_validator("*", mode="before")
    @classmethod
    def _from_toml(cls, value: Any, info: ValidationInfo) -> Any:
        """TOML has neither tuples nor paths: make them of its lists and texts, where the field asks for that."""
        assert info.field_name
        return _converted(cls.model_fields[info.field_name].annotation, value)


def _field_docstrings(model: type[Model]) -> dict[str, str]:
    """The text under each field that a class itself has; none if its source is not there."""
    try:
        (tree,) = ast.parse(dedent(inspect.getsource(model))).body
    except OSError:
        return {}
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def _converted(kind: Any, value: Any) -> Any:
    """A value of TOML as a value of the type ``kind``, as far as they correspond; checks come after this."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if Path in kinds:
        return _path(value) if value is not None or type(None) not in kinds else None
    if isinstance(value, list | tuple) and (rows := next((one for one in kinds if get_origin(one) is tuple), None)):
        member = get_args(rows)[0]
        return tuple(_converted(_bare(member), item) for item in value)
    if isinstance(value, dict) and (tables := next((one for one in kinds if get_origin(one) is dict), None)):
        member = get_args(tables)[1]
        return {key: _converted(_bare(member), item) for key, item in value.items()}
    if not any(isinstance(one, type) and issubclass(one, Model) for one in kinds):  # a model checks its own fields
        _check(value)
    return value


def _bare(kind: Any) -> Any:
    """A type without the limits that Annotated adds to it."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path):
        raise PydanticCustomError("path", "should be a path, in quotation marks")
    if not str(value).strip():
        raise PydanticCustomError("path", "should be a path, not an empty text; '.' is the folder of the configuration")
    _check(str(value))
    from ..core.objects import as_path  # here, since all of the configuration rests on this module

    return as_path(str(value))


def _check(value: Any) -> None:
    """Refuse what no file system, table or program takes."""
    if isinstance(value, str) and "\0" in value:
        raise PydanticCustomError("text", "should have no NUL character")
    if isinstance(value, int) and not -_LARGEST - 1 <= value <= _LARGEST:
        raise PydanticCustomError("number", "should be a number of at most 64 bits")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _check(item)
