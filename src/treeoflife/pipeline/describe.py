"""The card, croissant.json and credits of a dataset by themselves: for the commands card and publish."""

from collections.abc import Sequence
from pathlib import Path

from ..core.files import exists
from ..errors import InputError
from ..publish.own_files import users_files
from .build import ORDER
from .session import Session
from .stages.card import record_address


def describe(session: Session, url: str = "") -> list[Path]:
    """Write the card and what belongs to it again; returns the files that are there afterwards.

    Args:
        url: the address at which the dataset is published; later cards have it too, unless ``[card] url`` is set.

    Raises:
        InputError: there is no catalog, or the user has a file of their own in the place of one of these.
    """
    paths = session.workspace.paths
    for path in users_files(paths):
        raise InputError(f"{path} was not written by this program, which would replace it: move it away, and run again")
    update(session, url, again=True)
    pictures = sorted(paths.card_pictures.glob("*.jpg"))
    files = (paths.licences, paths.credits, paths.credits_page, *pictures, paths.card, paths.croissant)
    return [path for path in files if exists(path)]


def update(session: Session, url: str = "", *, again: bool = False) -> None:
    """Bring the card and what belongs to it up to date; files that the user has in their place stay as they are.

    Args:
        url: as for :func:`describe`.
        again: write the card also if it is up to date.
    """
    if url:
        record_address(session.evidence.records, url)
    session.make("credits")
    session.make("card", again={"card": "it was asked for"} if again else {})
    if _are_fresh(session, [name for name in ORDER if name != "checksums"]):
        session.make("checksums")


def _are_fresh(session: Session, names: Sequence[str]) -> bool:
    return all(state.fresh for state in session.states(names).values())
