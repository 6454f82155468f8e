"""The taxonomy of the user, which ``init`` names in the configurations that it writes."""

from ..config.tables import Names
from ..download.kept_taxonomies import find_taxonomy


def with_kept_taxonomy(names: Names) -> Names:
    """The table [names] with the newest taxonomy that ``treeoflife download taxonomy`` keeps, if there is one."""
    kept = find_taxonomy()
    return names.model_copy(update={"checklists": {**names.checklists, kept.name: kept.path}}) if kept else names
