# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as a process, with the real engines or with the double."""

import os
import subprocess
import sys
from pathlib import Path

from backend.interface import protocol
from tests.support import ROOT
from tests.support.backend_client import DOUBLE, PATIENCE_S

REAL = protocol.command(sys.executable, ROOT)
WITH_DOUBLE = [sys.executable, str(DOUBLE), str(ROOT), "command"]
VIEWS = ("--engine", "one2345")


def call(
    *arguments: str | Path | float, command: list[str] = WITH_DOUBLE, **options
) -> subprocess.CompletedProcess[str]:
    environment = protocol.environment(os.environ) | {"COLUMNS": "200"}
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, env=environment, timeout=PATIENCE_S, **options
    )
