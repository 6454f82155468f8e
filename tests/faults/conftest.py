"""Undisturbed builds to compare with."""

from __future__ import annotations

from pathlib import Path

import pytest

from .harness import Reference, reference


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A build from the published layout."""
    return reference(tmp_path_factory.mktemp("published"), natural=False)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A build from the providers' files, which makes its own mapping, splits and names."""
    return reference(tmp_path_factory.mktemp("original"), natural=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where trials are made."""
    return tmp_path
