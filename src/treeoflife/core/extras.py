"""Optional packages, which are installed as extras of treeoflife."""

from importlib import import_module
from typing import Any

from ..errors import MissingExtra


def import_extra(module: str, extra: str, purpose: str, alternative: str = "") -> Any:
    """Import a module that is present only if an extra is installed.

    Args:
        module: a module of an optional package, or one of treeoflife that imports such a package.
        purpose: what needs the package; it begins the message.
        alternative: what the user can do instead of installing the package; it ends the message.

    Raises:
        MissingExtra: the module cannot be imported.

    >>> import_extra("absent", "maps", "a tree map")
    Traceback (most recent call last):
    treeoflife.errors.MissingExtra: a tree map needs absent: pip install 'treeoflife[maps]' (No module named 'absent')
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        # An installed package can also fail to import, as when a shared library is missing; only Python's words tell.
        sentence = f"{purpose} needs {package}: pip install 'treeoflife[{extra}]' ({error})"
        raise MissingExtra(f"{sentence}; or {alternative}" if alternative else sentence) from None
