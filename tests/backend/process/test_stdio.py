# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line with standard streams that are closed, full, or that nobody reads. No engine is run."""

import os
import subprocess
import sys

import pytest

from backend.interface import protocol
from tests.support import ROOT
from tests.support.backend_client import PATIENCE_S

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell that closes streams")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell in which $COMMAND stands for the command line."""
    command = protocol.command(sys.executable, ROOT)
    return subprocess.run(
        ["sh", "-c", line.replace("$COMMAND", '"$@"'), "sh", *command],
        capture_output=True,
        text=True,
        env=protocol.environment(os.environ),
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("arguments", "status"), [("engines", 0), ("engines --json", 0), ("generate", 2)])
def test_closed_streams_change_no_exit_status(closed, arguments, status):
    done = shell(f"$COMMAND {arguments} {closed}")
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["--help", "engines", "models list"])
def test_a_reader_that_goes_away_is_no_error(arguments):
    done = shell(f"{{ $COMMAND {arguments}; echo $? >&3; }} 3>&2 | true")
    assert done.stderr.splitlines() == ["0"]


@FULL
def test_an_answer_that_does_not_fit_is_an_error_of_the_disk_and_a_complaint_is_not():
    done = shell("$COMMAND engines >/dev/full")
    assert done.returncode == 5 and done.stderr.startswith("Error: No space left on device. Free some space")
    assert shell("$COMMAND generate 2>/dev/full").returncode == 2


def test_a_server_without_input_ends(tmp_path):
    done = shell(f"$COMMAND serve --jobs '{tmp_path}' <&-")
    assert done.returncode == 0 and '"hello"' in done.stdout


def test_names_that_are_no_utf8_are_answered_as_bytes(tmp_path):
    line = "import sys; from backend.cli.console import write; write('caf\\udce9')"
    done = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, timeout=PATIENCE_S)
    assert done.stdout == b"caf\xe9\n"
