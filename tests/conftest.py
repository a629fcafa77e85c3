# SPDX-License-Identifier: GPL-3.0-or-later
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import DATA

settings.register_profile("same everywhere", deadline=None, derandomize=True, database=None)
settings.load_profile("same everywhere")


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """Environment variables that a test sets, as `backend.__main__.main` does, reach no other test."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def fixtures() -> Path:
    """Small files of published numbers."""
    return DATA
