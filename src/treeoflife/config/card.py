"""The table ``[card]``: what the dataset card says that no build can know."""

from .base import Model


class Card(Model):
    """What the dataset card (README.md) and croissant.json say beside what was built; both are written by every build.
    A change in this table writes them again, and makes nothing else."""

    title: str | None = None
    """The name of the dataset. If not set: one made from its sources."""
    description: str | None = None
    """What else readers should know, as Markdown; it stands below the title."""
    authors: tuple[str, ...] = ()
    """Who made the dataset and is cited for it, such as "Ada Lovelace"."""
    url: str | None = None
    """The address at which the dataset is published. 'treeoflife publish' knows the one that it publishes to."""
    licence: str | None = None
    """The licence of what is your own: the selection, names, captions and tables, such as "cc0-1.0". Each image keeps
    the licence of its owner."""
    contact: str | None = None
    """Where people report mistakes, and owners ask for the removal of an image: an address of mail or of a page."""
    doi: str | None = None
    """The DOI of the dataset, such as "10.5281/zenodo.1234567"."""
