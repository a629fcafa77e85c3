# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""A queue whose backend is the double, and the scene that it delivers to."""

import os
import sys

import pytest
from image_to_mesh_checkout.addon.jobs.process import Launch
from image_to_mesh_checkout.addon.jobs.queue import JobQueue
from image_to_mesh_checkout.backend.interface import protocol

from tests.support.job_queue import DOUBLE, Scene


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def answers():
    return []


@pytest.fixture
def make(tmp_path, scene, answers):
    """make(**environment) -> a queue whose backend is the double."""
    made = []

    def make(command=None, **environment):
        command = command or protocol.command(sys.executable, DOUBLE, "serve", "--jobs", tmp_path / "jobs")
        launch = Launch(command, protocol.environment(os.environ) | environment, tmp_path, tmp_path / "logs" / "log")
        made.append(JobQueue(lambda: lambda: launch, scene, answers.append))
        return made[-1]

    yield make
    for queue in made:
        queue.stop()
