"""The texts of a sample beside the ten captions that all have: columns of tables, and captions of one's own.

Whichever they come from, the plan has each as a column of its own, null where a sample lacks it: a column of a table
under its name, a caption under its member's suffix, such as ``field_guide.txt``. So whoever packs and checks shards
knows nothing of templates and tables.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from ..core.tar_writer import encode_member
from ..core.values import NAME_COLUMNS, Taxon
from .captions import compose_texts

JSON = "json"
"""The suffix of the member that has all columns of a sample."""


@dataclass(frozen=True)
class FurtherTexts:
    """Which texts samples have beside the ten.

    Attributes:
        columns: the columns of tables, by their names in samples and in the catalog.
        columns_as: the members that they become.
        captions: the names of further captions.
    """

    columns: tuple[str, ...] = ()
    columns_as: Literal["txt", "json", "catalog"] = "txt"
    captions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.columns or self.captions)

    @property
    def planned(self) -> list[str]:
        """The columns of a plan, and of an index, that hold them."""
        return [*self.columns, *(f"{name}.txt" for name in self.captions)]

    @property
    def suffixes(self) -> list[str]:
        """The suffixes of all members that a sample may have for them."""
        own = {"txt": [f"{name}.txt" for name in self.columns], "json": [JSON] * bool(self.columns), "catalog": []}
        return [*own[self.columns_as], *(f"{name}.txt" for name in self.captions)]

    def members(self, row: Mapping[str, Any]) -> dict[str, str]:
        """The texts of a sample by suffix, from its row of the plan or of an index; without those that it lacks.

        >>> FurtherTexts(("sex", "age"), "json", ("wiki",)).members({"sex": "male", "age": None, "wiki.txt": None})
        {'json': '{"sex":"male","age":null}'}
        """
        texts = {f"{name}.txt": row[f"{name}.txt"] for name in self.captions}
        if self.columns_as == "json" and self.columns:
            values = {name: row[name] for name in self.columns}
            texts = {JSON: json.dumps(values, ensure_ascii=False, separators=(",", ":"))} | texts
        elif self.columns_as == "txt":
            texts = {f"{name}.txt": row[name] for name in self.columns} | texts
        return {suffix: text for suffix, text in texts.items() if text is not None}

    def to_json(self) -> dict[str, Any]:
        """As it stands in the metadata of plans and indexes; empty if there are none."""
        if not self:
            return {}
        return {"columns": list(self.columns), "columns_as": self.columns_as, "captions": list(self.captions)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "FurtherTexts":
        """What :meth:`to_json` gave."""
        if not value:
            return cls()
        return cls(tuple(value["columns"]), value["columns_as"], tuple(value["captions"]))


def encode_texts(row: Mapping[str, Any], further: FurtherTexts) -> bytes:
    """All texts of a sample as members of a tar, for its row of the plan: the ten, and those beside them."""
    texts = _ten_texts(tuple(row[name] for name in NAME_COLUMNS))
    if further:
        texts += tuple((suffix, text.encode()) for suffix, text in further.members(row).items())
    return b"".join([encode_member(f"{row['treeoflife_id']}.{suffix}", text) for suffix, text in texts])


@lru_cache(maxsize=1 << 14)  # about 30 MB: a shard has many samples of its commonest names
def _ten_texts(names: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """The ten texts of a name, by suffix."""
    *ranks, common = names
    return tuple((suffix, text.encode()) for suffix, text in compose_texts(Taxon(*ranks), common).items())
