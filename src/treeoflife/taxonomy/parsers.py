"""The parsers of scientific names that there are."""

from __future__ import annotations

from ..errors import ConfigError
from .gnparser import GNParser
from .parsing import Parser
from .simple import SimpleParser


def make_parser(name: str) -> Parser:
    """The parser of that name.

    Raises:
        ConfigError: it is gnparser, and its library does not load here.
    """
    if name == "simple":
        return SimpleParser()
    if name != "gnparser":
        raise ConfigError(f"[names] parser: there is no parser '{name}'; use 'gnparser' or 'simple'")
    return GNParser()
