"""What images are named by that bring no taxonomies of their providers."""

from pathlib import Path

from ..config.tables import BUILT_IN, Names
from ..download.kept_taxonomies import find_taxonomy
from ..taxonomy.providers.authorities import find_files


def default_names() -> Names:
    """The taxonomies that are there without a configuration: what the user downloaded last, and the built-in one."""
    return _with_defaults(Names())


def names_beside(raw: Path) -> Names:
    """The same, with the taxonomies that lie beside raw data under their usual names."""
    return _with_defaults(find_files(raw)[0])


def _with_defaults(names: Names) -> Names:
    kept = find_taxonomy()
    checklists = names.checklists | ({kept.name: kept.path} if kept else {})
    backbone = next(iter(checklists), BUILT_IN)
    return names.model_copy(update={"checklists": checklists, "built_in": True, "backbone": backbone})
