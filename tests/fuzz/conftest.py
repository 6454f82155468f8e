"""The same table as that of the faults."""

from faults.conftest import pytest_terminal_summary, tally

__all__ = ["pytest_terminal_summary", "tally"]
