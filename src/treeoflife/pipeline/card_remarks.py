"""What the user has in the place of the card, in sentences: after a build, and in status."""

from ..publish.own_files import users_files
from .workspace import Workspace


def remarks(workspace: Workspace) -> list[str]:
    """Which files the user has in the place of the card and what belongs to it, in sentences."""
    return [
        f"{path} was not written by treeoflife, and stays as it is: move it away, and the next build writes its own"
        for path in users_files(workspace.paths)
    ]
