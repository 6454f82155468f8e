"""Names that come from folders: ``Turdus_merula/1.jpg`` shows Turdus merula, whatever folders are above or below."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from ...core.text import counted
from ...core.values import RANKS, Label, Taxon
from ..file_names import escape_invalid_utf8
from .folder_names import FolderName, read_folder_name

_SHOWN = 5


@dataclass(frozen=True)
class ClassFolders:
    """The names that the folders of images give.

    Attributes:
        names: by each folder that holds images itself, as a path relative to the source, the name that it gives;
            None if neither it nor a folder above it reads as a name.
        images: how many images each of these folders holds itself.
        nested: of folders that read as names in a folder that reads as another, the lower and the upper name.
        doubtful: folders that may be called by names, but were not taken to be.
    """

    names: Mapping[str, FolderName | None]
    images: Mapping[str, int]
    nested: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    doubtful: Sequence[str] = ()

    @classmethod
    def of(cls, images: Iterable[str]) -> "ClassFolders":
        """Read the names of the folders of images, which are paths relative to the source.

        A doubtful name is one if a folder above it is called by a higher taxon, or two thirds of the folders beside it
        by known names (one word needs such words beside it); or if another folder has a species of its genus.
        """
        counts: dict[str, int] = {}
        for image in images:
            folder = image.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + 1
        folders = sorted({part for folder in counts for part in _from_lowest(folder)})
        words = {PurePosixPath(folder).name for folder in folders}
        read = {word: read_folder_name(escape_invalid_utf8(word)) for word in words}
        readings = {folder: read[PurePosixPath(folder).name] for folder in folders}
        taken = _taken(readings)
        chains = {folder: [taken[part] for part in _from_lowest(folder) if part in taken] for folder in sorted(counts)}
        names = {folder: _with_ranks_above(chain) if chain else None for folder, chain in chains.items()}
        nested = {folder: nested for folder, chain in chains.items() if (nested := _nested(chain))}
        doubtful = [
            folder
            for folder, name in readings.items()
            if name and folder not in taken and (name.is_known or name.is_species)
        ]
        return cls(names, counts, nested, doubtful)

    @property
    def has_names(self) -> bool:
        """Whether any folder gives a name."""
        return any(self.names.values())

    def label(self, image: str) -> Label | None:
        """The label of an image, by its path; None if its folders give no name."""
        name = self.names.get(image.rpartition("/")[0])
        return Label(escape_invalid_utf8(image), name.taxon, name.scientific_name, rank=name.rank) if name else None

    def remarks(self) -> list[str]:
        """Sentences on what was taken for names, and on what was not."""
        named = [folder for folder, name in self.names.items() if name]
        unnamed = [folder for folder, name in self.names.items() if not name]
        remarks = []
        if named:
            taken = [f"'{_shown(folder)}' as {_described(self.names[folder])}" for folder in named]
            remarks.append(
                f"names were taken from {counted(len(named), 'folder')} with {self._images(named)}: {_first(taken)}"
            )
        if unnamed:
            left = [f"'{_shown(folder)}' ({self._images([folder])})" for folder in unnamed]
            remarks.append(
                f"no name in {counted(len(unnamed), 'folder')} with {self._images(unnamed)}, which become no "
                f"samples if nothing else names them: {_first(left)}; a folder such as 'Turdus_merula' or 'Turdus sp.' "
                "gives a name"
            )
        if unknown := [folder for folder, name in self.names.items() if name and not name.is_known]:
            remarks.append(
                "genera that the built-in taxonomy does not have, taken for names because the folders beside them have "
                f"known names: {_first([repr(_shown(folder)) for folder in unknown])}"
            )
        if self.doubtful:
            remarks.append(
                "not taken for names, though they may be: their genus is not in the built-in taxonomy, or is a name of "
                f"people or places too: {_first([repr(_shown(folder)) for folder in self.doubtful])}; if they are, "
                "write a table with the columns file and scientific_name"
            )
        if self.nested:
            lower = [f"'{_shown(folder)}' as {own}, not {above}" for folder, (own, above) in self.nested.items()]
            remarks.append(f"names of folders that lie in one another: the lowest was taken: {_first(lower)}")
        return remarks

    def _images(self, folders: Iterable[str]) -> str:
        return counted(sum(self.images[folder] for folder in folders), "image")


def _from_lowest(folder: str) -> list[str]:
    """A folder and those above it, without the source's own.

    >>> _from_lowest("Aves/Turdus merula")
    ['Aves/Turdus merula', 'Aves']
    """
    return [str(path) for path in (PurePosixPath(folder), *PurePosixPath(folder).parents) if path.name]


def _taken(readings: Mapping[str, FolderName | None]) -> dict[str, FolderName]:
    """The folders that are called by names: those without doubt, and doubtful ones that others support."""
    certain = {folder: name for folder, name in readings.items() if name and not name.is_doubtful}
    genera = {name.genus for name in certain.values() if name.is_species}
    known = Counter((_parent(folder), name.is_species) for folder, name in certain.items() if name.is_known)
    all_of_parent = Counter(map(_parent, readings))

    def is_supported(folder: str, name: FolderName) -> bool:
        if name.genus in genera:
            return True
        if not name.is_known and not name.is_species:  # one word, such as Berlin
            return False
        if any(above in certain and not certain[above].is_species for above in _from_lowest(folder)[1:]):
            return True
        beside = sum(known[_parent(folder), kind] for kind in {name.is_species, False})
        least = 1 if name.is_known else 2
        return (
            (name.is_known or name.is_convincing)
            and beside >= least
            and 3 * beside >= 2 * (all_of_parent[_parent(folder)] - 1)
        )

    doubtful = {folder: name for folder, name in readings.items() if name and name.is_doubtful}
    return certain | {folder: name for folder, name in doubtful.items() if is_supported(folder, name)}


def _parent(folder: str) -> str:
    return folder.rpartition("/")[0]


def _with_ranks_above(chain: Sequence[FolderName]) -> FolderName:
    """The lowest name, with the ranks of the higher taxa above it, unless these contradict it or each other."""
    own = chain[0]
    ranks = dict(zip(RANKS, own.taxon, strict=True)) | {"genus": own.genus}
    for above in (name for name in chain[1:] if not name.scientific_name):
        for number, (rank, name) in enumerate(zip(RANKS, above.taxon, strict=True)):
            # Folders in which a higher taxon lies in a lower one are no hierarchy.
            if name and ranks[rank] != name and any(ranks[higher] for higher in RANKS[: number + 1]):
                return own
            ranks[rank] = name or ranks[rank]
    return replace(own, taxon=Taxon(*ranks.values()))


def _nested(chain: Sequence[FolderName]) -> tuple[str, str] | None:
    species = [name.scientific_name for name in chain if name.is_species]
    different = [name for name in species if name != species[0]]
    return (species[0], different[0]) if different else None


def _described(name: FolderName | None) -> str:
    if not name:
        return ""
    higher = " ".join(filter(None, name.taxon[:-2] if name.scientific_name else name.taxon))
    return (
        name.scientific_name if not higher else f"{name.scientific_name} ({higher})" if name.scientific_name else higher
    )


def _shown(folder: str) -> str:
    return escape_invalid_utf8(folder) or "."


def _first(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
