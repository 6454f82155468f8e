"""The base of all parts of a configuration."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A part of the configuration: immutable, without unknown keys, documented under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
