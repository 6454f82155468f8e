"""What came of the rows of a table, for findings and messages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TableCount:
    """What came of one table.

    Attributes:
        source: the authority, or the source of images, that it belongs to.
        file: the table's name.
        rows: how many rows it has.
        used: how many of these gave a name.
        left_out: how many did not, by reason.
        remarks: what had to be repaired or guessed to read it.
        damaged: what text in it looks damaged.
        unit: what a row is called.
    """

    source: str
    file: str
    rows: int
    used: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    unit: str = "rows"

    @property
    def sentence(self) -> str:
        """The counts, for people.

        >>> TableCount("itis", "chains.csv", 1200, 1198, {"without a name": 2, "of viruses": 0}).sentence
        '1,198 of its 1,200 rows are used; left out: 2 without a name'
        """
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items() if count)
        return f"{self.used:,} of its {self.rows:,} {self.unit} are used" + (
            f"; left out: {reasons}" if reasons else ""
        )

    @property
    def warnings(self) -> Iterator[str]:
        """What a person should know of the table before using the names: one sentence each."""
        where = f"{self.source}: {self.file}"
        yield from (f"{where}: {text}" for text in (*self.remarks, *self.damaged))
        if not self.used:
            yield f"{where}: {self.sentence}" if self.rows else f"{where} has no {self.unit}"
