"""The section of the card on names: how they were made, and the taxonomies that gave them."""

import re
from pathlib import Path

from ..config.tables import BUILT_IN, Names
from .citations import CATALOGUE_OF_LIFE, TAXONOMIES, Taxonomy
from .markdown import escape, link, table

_OF_CATALOGUE_OF_LIFE = re.compile(r"\d{4}-\d{2}-\d{2}_(?:\w+_)?(?:coldp|dwca)(?:\.zip)?")
"""How ChecklistBank names the monthly releases of the Catalogue of Life: 2026-09-25_xr_coldp.zip."""


def describe_names(names: Names, *, uses_built_in: bool) -> str:
    """How names were made."""
    if names.published:
        return "They are those of a published catalog, taken as they are."
    if names.lookups:
        return "They are published name lookups, taken as they are."
    used = [
        *map(escape, _authority_keys(names)),
        *(["the built-in taxonomy, made from NCBI's"] if uses_built_in else []),
    ]
    lines = ["What a source says is kept."]
    if used:
        order = ", in this order," if len(used) > 1 else ""
        lines.append(f"Empty ranks are filled from {', '.join(used)}{order} where a record agrees with the evidence.")
    backbone = names.backbone if names.backbone is not None else _default_backbone(names, uses_built_in=uses_built_in)
    if backbone:
        name = "the built-in taxonomy" if backbone == BUILT_IN else escape(backbone)
        lines.append(f"Where a species is classified in several ways, {name} decides.")
    if names.checklists:
        kept = {"accepted": "are replaced by accepted names", "as-given": "stay as their source writes them"}
        lines.append(f"Synonyms {kept[names.synonyms]}.")
    lines.append(f"Names are taken apart by {names.parser}. `metadata/names.parquet` says of every rank who said so.")
    return f"{' '.join(lines)}\n\n{_describe_taxonomies(names, uses_built_in=uses_built_in)}".rstrip()


def _authority_keys(names: Names) -> list[str]:
    """The authorities that are configured, the most trusted first."""
    there = {"verifier"} if names.verifier.enabled else set[str]()
    files = {"itis": names.itis, "resolved": names.resolved, "taxonopy": names.taxonopy, "eol": names.eol_tree}
    there |= {name for name, path in {**files, "inaturalist": names.inaturalist, **names.checklists}.items() if path}
    listed = [name for name in names.authorities if name in there]
    return [*listed, *(name for name in names.checklists if name not in listed)]


def _default_backbone(names: Names, *, uses_built_in: bool) -> str:
    return next(iter(names.checklists), BUILT_IN if uses_built_in else "")


def used_taxonomies(names: Names, *, uses_built_in: bool) -> dict[str, Taxonomy]:
    """The taxonomies that may have given names, by their keys in the configuration.

    One of the user's own, of which nothing is known here, has neither licence nor citation.

    >>> used_taxonomies(Names(itis=Path("itis.csv")), uses_built_in=False)["itis"].title
    'ITIS'
    """
    if names.published or names.lookups:
        return {}
    known = {name: TAXONOMIES[name] for name in _authority_keys(names) if name in TAXONOMIES}
    own = {name: _checklist(name, path) for name, path in names.checklists.items()}
    common = {"eol_vernaculars": TAXONOMIES["eol_vernaculars"]} if names.eol_vernaculars else {}
    return own | known | common | ({BUILT_IN: TAXONOMIES[BUILT_IN]} if uses_built_in else {})


def _checklist(name: str, path: Path) -> Taxonomy:
    if _OF_CATALOGUE_OF_LIFE.fullmatch(path.name):
        return CATALOGUE_OF_LIFE
    return Taxonomy(f"{name}: {path.name}")


def _describe_taxonomies(names: Names, *, uses_built_in: bool) -> str:
    """A table of the taxonomies with their licences; empty where names are published ones."""
    rows = [
        (link(one.title, one.address), escape(one.licence or "not known here"))
        for one in used_taxonomies(names, uses_built_in=uses_built_in).values()
    ]
    return table(("taxonomy", "licence"), rows) if rows else ""
