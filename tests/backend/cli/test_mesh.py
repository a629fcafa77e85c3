# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl+C during an optimisation: once keeps the mesh, twice cancels and leaves a checkpoint, which can be resumed."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import torch

from backend.meshing.files import load
from backend.weights.store.store import STARTER_TEXT
from tests.support.backend_client import PATIENCE_S, PICTURE
from tests.support.command_line import REAL, WITH_DOUBLE, call

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
STOPPING = "Stopping here"


def read_until(stream: IO[str], words: str) -> None:
    for line in stream:
        if words in line:
            return
    raise AssertionError(f"it ended before it said {words!r}")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "image.png").write_bytes(PICTURE)
    return tmp_path / "image.png"


@contextmanager
def optimising(image: Path, *more: str, scenario: str = "go_on") -> Iterator[subprocess.Popen[str]]:
    """The double at work for ever; it says from which checkpoint it goes on."""
    settings = ["--engine", "zero123_sds", "--set", f"weights={scenario}", *more]
    command = [*WITH_DOUBLE, "generate", "--image", str(image), "--output", str(image.parent / "a.ply"), *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        yield process


def test_one_interrupt_keeps_the_mesh_and_leaves_no_checkpoint(image: Path):
    with optimising(image) as process:
        assert process.stdout and process.stderr
        read_until(process.stderr, "from nothing")
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, STOPPING)
        assert "4 faces" in process.stdout.read()
        assert process.wait(PATIENCE_S) == 0
    assert len(load(image.parent / "a.ply").faces) == 4
    assert sorted(os.listdir(image.parent)) == ["a.ply", "image.png"]


def test_two_interrupts_cancel_and_resume_continues_from_the_checkpoint(image: Path):
    folder = image.parent / "a.ply.checkpoint"
    with optimising(image, scenario="never_enough") as process:
        assert process.stderr
        read_until(process.stderr, "from nothing")
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, STOPPING)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(PATIENCE_S) == 130
    assert f"Error: Cancelled. To go on, repeat the command with --resume {folder}" in rest
    assert not (image.parent / "a.ply").exists()
    settings = ["--engine", "zero123_sds", "--set", "weights=go_on"]
    again = call("generate", "--image", image, "--output", image.parent / "a.ply", *settings)
    assert (again.returncode, "Add --resume" in again.stderr) == (2, True)  # nothing is overwritten
    with optimising(image, "--resume", str(folder)) as process:
        assert process.stderr
        read_until(process.stderr, "from a.ply.checkpoint")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert not folder.exists()


def test_a_checkpoint_of_another_job_is_copied_and_stays(image: Path):
    job = image.parent / "job"
    job.mkdir()
    (job / "state.pt").write_text("a job in Blender")
    with optimising(image, "--resume", str(job / "state.pt")) as process:
        assert process.stderr
        read_until(process.stderr, "from a job in Blender")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert (job / "state.pt").read_text() == "a job in Blender"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--engine", "zero123_sds", "--resume", "nowhere"], "no checkpoint in nowhere"),
        (["--engine", "one2345", "--resume", "nowhere"], "does not optimise"),
    ],
)
def test_an_impossible_resume_is_reported_before_any_work(image: Path, more: list[str], words: str):
    done = call("generate", "--image", image, "--output", image.parent / "a.ply", *more)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert os.listdir(image.parent) == ["image.png"]


class Terminal:
    """A command with a terminal for its progress bar; the steps of the optimisation as they are drawn."""

    def __init__(self, *arguments: str | Path):
        self.end, theirs = os.openpty()
        self.process = subprocess.Popen(
            [*REAL, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"COLUMNS": "200"}
        )
        os.close(theirs)
        self.text = ""

    def read(self) -> bool:
        try:
            self.text += os.read(self.end, 1 << 16).decode(errors="replace")
        except OSError:  # on Linux a terminal that nobody holds any more gives EIO
            return False
        return True

    def wait_for_step(self, least: int) -> int:
        """The first step from `least` on that is drawn."""
        while not (steps := [step for step in self.steps() if step >= least]):
            assert self.read(), self.text[-2000:]
        return steps[0]

    def steps(self) -> list[int]:
        return [int(step) for step in re.findall(r"Optimising (\d+)/", self.text)]

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait_for(self, words: str) -> None:
        while words not in self.text:
            assert self.read(), self.text[-2000:]

    def wait(self) -> int:
        while self.read():
            pass
        os.close(self.end)
        return self.process.wait(PATIENCE_S)


@pytest.mark.skipif(not any(STARTER_TEXT.rglob("*.safetensors")), reason="the built-in weights are missing")
def test_a_real_optimisation_is_stopped_cancelled_and_resumed(tmp_path: Path):
    """The surface that the cancelled one stops for is so fine that the second Ctrl+C comes in time."""
    output, folder = tmp_path / "car.ply", tmp_path / "car.ply.checkpoint"
    command = ["generate", "--engine", "dreamfusion", "--prompt", "a red car", "--output", output]
    command += ["--set", "steps=100000", "--set", "device=cpu", "--set"]

    cancelled = Terminal(*command, "mesh_resolution=512")
    cancelled.wait_for_step(3)
    cancelled.interrupt()
    cancelled.wait_for(STOPPING)
    cancelled.interrupt()
    assert cancelled.wait() == 130
    assert "--resume" in cancelled.text and not output.exists()
    reached = torch.load(folder / "state.pt", weights_only=True)["outcome"]["steps"]
    assert reached >= 3

    resumed = Terminal(*command, "mesh_resolution=32", "--resume", folder)
    assert resumed.wait_for_step(0) > reached
    resumed.interrupt()
    assert resumed.wait() == 0
    assert len(load(output).faces) > 50
    assert sorted(os.listdir(tmp_path)) == ["car.ply"]
