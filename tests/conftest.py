"""Fixtures that every room uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# Kernels compile on first use, so a deadline would measure the compiler; CI must not flake.
settings.register_profile("cosim", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("cosim")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference feeders and solutions that stand beside the repository, where they do."""
    folder = ROOT.parent / "shared"
    if not (folder / "feeders").is_dir():
        pytest.skip("reference feeders are not beside this checkout (../shared/feeders)")
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """Published cases: a folder each, with input, expected output, tolerance and reason."""
    return ROOT / "tests" / "cases"
