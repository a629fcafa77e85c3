# SPDX-License-Identifier: GPL-3.0-or-later
import os
from pathlib import Path

import pytest

from backend.interface.installer import environment
from tests.support.wheel_index import NAMES, make_wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty modules under the names of all that the backend's environment must hold, as wheels of version 1.0."""
    folder = tmp_path_factory.mktemp("wheels")
    for module in environment.MODULES.split():
        make_wheel(folder, NAMES.get(module, module.replace("_", "-")), "1.0", module)
    make_wheel(folder, "typer", "2.0")
    return folder


@pytest.fixture
def pip_offline(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
