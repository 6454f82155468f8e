"""Names that come from folders: ``Turdus_merula/1.jpg`` shows Turdus merula, whatever folders are above or below."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..core.text import counted
from ..core.values import RANKS, Label, Taxon
from .file_names import escape_invalid_utf8
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
    """

    names: Mapping[str, FolderName | None]
    images: Mapping[str, int]
    nested: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, images: Iterable[str]) -> "ClassFolders":
        """Read the names of the folders of images, which are paths relative to the source.

        One word, such as ``Turdus``, is a genus only if another folder has a species of it: ``Berlin`` is none.
        """
        counts: dict[str, int] = {}
        for image in images:
            folder = image.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + 1
        words = {word for folder in counts for word in PurePosixPath(folder).parts}
        read = {word: read_folder_name(escape_invalid_utf8(word)) for word in words}
        genera = {name.genus for name in read.values() if name and name.scientific_name}
        known = {word: name for word, name in read.items() if name and (not name.is_one_word or name.genus in genera)}
        chains = {
            folder: [known[word] for word in reversed(PurePosixPath(folder).parts) if word in known]
            for folder in sorted(counts)
        }
        names = {folder: _with_ranks_above(chain) if chain else None for folder, chain in chains.items()}
        return cls(names, counts, {folder: nested for folder, chain in chains.items() if (nested := _nested(chain))})

    @property
    def has_names(self) -> bool:
        """Whether any folder gives a name."""
        return any(self.names.values())

    def label(self, image: str) -> Label | None:
        """The label of an image, by its path; None if its folders give no name."""
        name = self.names.get(image.rpartition("/")[0])
        return Label(escape_invalid_utf8(image), name.taxon, name.scientific_name) if name else None

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
        if self.nested:
            lower = [f"'{_shown(folder)}' as {own}, not {above}" for folder, (own, above) in self.nested.items()]
            remarks.append(f"names of folders that lie in one another: the lowest was taken: {_first(lower)}")
        return remarks

    def _images(self, folders: Iterable[str]) -> str:
        return counted(sum(self.images[folder] for folder in folders), "image")


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
    return FolderName(Taxon(*ranks.values()), own.scientific_name)


def _nested(chain: Sequence[FolderName]) -> tuple[str, str] | None:
    species = [name.scientific_name for name in chain if name.scientific_name]
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
