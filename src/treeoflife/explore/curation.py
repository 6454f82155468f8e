"""What curators do with images: give verdicts to one or many, undo and redo, list the marks."""

import errno
import getpass
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import QueryParams

from ..core.values import NAME_COLUMNS
from ..errors import InputError
from ..mapping.ids import id_key
from ..selection.mark_history import Step
from ..selection.mark_rows import COLUMNS, VERDICTS, Mark, check
from ..taxonomy import relabels
from .live import LiveDataset, View
from .queries import read_selection

MAX_AT_ONCE = 100_000
"""Images that get a verdict at once; for more, a hold-out list is the better way."""
_WHO = re.compile(r"[^\w .@'-]+")


def own_name() -> str:
    """The name of whoever runs the server."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without an entry, as in some containers
        return "unknown"


def read_only(live: LiveDataset) -> str:
    """Why marks cannot be saved; empty if they can."""
    folder = live.paths.root
    return "" if os.access(folder, os.W_OK) else f"{folder} may not be written to, so marks cannot be saved"


def clean_name(text: object) -> str:
    """The name of a person as marks have it."""
    return _WHO.sub(" ", text).strip()[:60] if isinstance(text, str) else ""


class Curation:
    """The verdicts on the images of a dataset."""

    def __init__(self, live: LiveDataset) -> None:
        """Work on the marks of a dataset."""
        self._live = live

    def save_one(self, mark: Mark, treeoflife_id: str) -> Mark | None:
        """Save a mark, or remove it if it has no verdict; returns the mark of the image then."""
        now = _now()
        mark = {**mark, "treeoflife_id": treeoflife_id, "who": mark["who"] or own_name(), "when": now}
        checked = self._checked(mark)
        self._make({id_key(treeoflife_id): checked}, mark["verdict"] or "no mark", mark["who"], now)
        return self._live.marks_file.marks().of(treeoflife_id)

    def give(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give many images one verdict.

        Args:
            values: ``rows`` (of ``version``) or ``ids``, or ``selection``, the query of one; ``verdict``, empty to
                remove marks; for ``relabel`` the ``names``; ``note`` and ``who``.

        Raises:
            InputError: it is none, or of too many images.
        """
        view, _, _ = self._live.marked()
        ids, verdict = self._ids(values, view), values.get("verdict", "")
        if verdict not in ("", *VERDICTS):
            raise InputError(f"a verdict is one of {', '.join(VERDICTS)}, or empty")
        who, now = clean_name(values.get("who")) or own_name(), _now()
        names = values.get("names") or {}
        if not isinstance(names, dict) or not all(isinstance(text, str) for text in names.values()):
            raise InputError("names is an object of texts")
        mark = dict.fromkeys(COLUMNS, "") | {"verdict": verdict, "note": str(values.get("note") or ""), "who": who}
        mark |= {"when": now} | {name: names.get(name, "") for name in NAME_COLUMNS if verdict == "relabel"}
        checked = self._checked({**mark, "treeoflife_id": "-"})
        marks = {id_key(one): checked and {**checked, "treeoflife_id": one} for one in ids}
        return self._told(self._make(marks, verdict or "no mark", who, now))

    def turn(self, values: Mapping[str, Any], *, forward: bool) -> dict[str, Any]:
        """Undo the last step of a person, or do it again."""
        history, who = self._live.history, clean_name(values.get("who")) or own_name()
        return self._told(self._saving(lambda: history.redo(who) if forward else history.undo(who)))

    def listed(self, offset: int, limit: int, verdict: str) -> dict[str, Any]:
        """The marks, the latest first: each with its row, if its image is in the dataset."""
        view, marks, _ = self._live.marked()
        found = [mark for mark in reversed(marks.by_key.values()) if verdict in ("", mark["verdict"])]  # type: ignore[call-overload]
        part = found[offset : offset + limit]
        rows = view.rows_of([mark["treeoflife_id"] for mark in part])
        shown = [{**mark, "row": int(row) if row >= 0 else None} for mark, row in zip(part, rows, strict=True)]
        return {"total": len(found), "marks": shown, "version": view.version}

    def _ids(self, values: Mapping[str, Any], view: View) -> Sequence[str]:
        if "selection" in values:
            _, _, version = self._live.marked()
            selected = read_selection(QueryParams(str(values["selection"])), view.index, version).rows()
            _check_count(len(selected))
            return view.ids(selected)
        rows = values.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, int) and 0 <= row < len(view.index) for row in rows):
            raise InputError("name the images by their rows, or by a selection")
        _check_count(len(rows))
        return view.ids(rows)

    def _checked(self, mark: Mark) -> dict[str, str] | None:
        """A mark with all ranks of its name; None without a verdict."""
        if not mark["verdict"].strip():
            return None
        checked = check(mark, "the mark")
        if checked["verdict"] == "relabel":
            checked |= relabels.complete(checked, relabels.references([checked], self._live.paths.names))
        return checked

    def _make(self, marks: Mapping[str, Mark | None], what: str, who: str, at: str) -> Step:
        return self._saving(lambda: self._live.history.make(marks, what, who, at))

    def _saving(self, work: Callable[[], Step]) -> Step:
        """The result of work that writes; a disk that refuses is said in a sentence."""
        try:
            return work()
        except OSError as error:
            status = 507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 403
            said = f"the mark was not saved in {self._live.paths.marks}: {error.strerror or error}"
            raise NotSaved(status, said) from error

    def _told(self, step: Step) -> dict[str, Any]:
        view = self._live.view()
        rows = view.rows_of([*step.images])
        return {"what": step.what, "images": len(step.images), "skipped": step.skipped,
                "rows": [int(row) for row in rows[:1000] if row >= 0]}  # fmt: skip


class NotSaved(Exception):
    """Marks that could not be written.

    Attributes:
        status: the status of the answer.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def _check_count(count: int) -> None:
    if not 0 < count <= MAX_AT_ONCE:
        raise InputError(
            f"a verdict is for 1 to {MAX_AT_ONCE:,} images at once, not {count:,}; for more, export the selection and "
            "name it in [[holdout]]"
        )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
