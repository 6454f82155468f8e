"""What the checks of a dataset found, as it is on record: for the card and the report."""

from .stage_records import StageRecords

_CHECKS = ("check-wds", "check-taxa")


def check_results(records: StageRecords) -> dict[str, list[dict[str, object]]]:
    """The findings of each check, as recorded; nothing for a check that has not run."""
    results = {name: records.get(name, name) for name in _CHECKS}
    return {name: list(record.result["findings"]) for name, record in results.items() if record}
