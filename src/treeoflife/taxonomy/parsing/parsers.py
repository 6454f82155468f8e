"""The parsers of scientific names, by the name that the configuration gives them."""

from ...errors import ConfigError
from .gnparser import GNParser
from .parsed_name import Parser
from .simple import SimpleParser


def make_parser(name: str) -> Parser:
    """The parser ``name``: ``gnparser`` or ``simple``.

    Raises:
        ConfigError: there is no such parser, or gnparser's library does not load on this computer.
    """
    if name == "simple":
        return SimpleParser()
    if name != "gnparser":
        raise ConfigError(f"[names] parser: there is no parser '{name}'; use 'gnparser' or 'simple'")
    return GNParser()
