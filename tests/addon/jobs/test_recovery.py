# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
"""Jobs that are resumed from their checkpoint or imported from their folder."""

import os

import numpy as np
import pytest
from image_to_mesh_checkout.addon.base import arrays
from image_to_mesh_checkout.addon.base.trouble import Trouble
from image_to_mesh_checkout.addon.jobs import recovery
from image_to_mesh_checkout.addon.jobs.job import State
from image_to_mesh_checkout.addon.setup import job_folders

from tests.support.job_queue import begin_optimising, run


@pytest.mark.parametrize("end", ["cancelled", "killed"])
def test_an_interrupted_optimisation_is_resumed_from_its_checkpoint_with_its_inputs(make, scene, tmp_path, end):
    queue, folder = make(), tmp_path / "jobs"
    one = begin_optimising(queue, inputs={"prompt": "a box"})
    assert job_folders.resumable(folder) == [folder / one.id]
    if end == "cancelled":
        queue.cancel(one)
    else:
        os.kill(queue.process.pid, 9)
    run(queue, lambda: not queue.busy)
    again = recovery.resumed(folder / one.id, None, None)
    assert (again.request.engine, again.request.seed, again.name) == ("one2345", 7, "optimise")
    assert again.request.inputs == {"prompt": "a box"} and again.request.attachments() == {"image_file": b"optimise"}
    queue.submit(again)
    run(queue, lambda: again.progress.stage == "optimising")
    assert job_folders.resumable(folder) == [folder / again.id], "the later checkpoint is the one to resume"
    queue.stop_and_keep(again)
    run(queue, lambda: not queue.busy)
    assert again.outcome.facts["jobs"].split() == [one.id, again.id] and len(scene.delivered) == 1
    assert job_folders.resumable(folder) == []


@pytest.mark.parametrize(
    "request_text", ["", "[]", "{}", '{"engine": "no such"}', '{"engine": "lrm", "parameters": {"depth": "deep"}}']
)
def test_a_request_that_cannot_be_read_is_not_resumed(tmp_path, request_text):
    (tmp_path / "request.json").write_text(request_text)
    with pytest.raises(Trouble) as error:
        recovery.resumed(tmp_path, None, None)
    assert error.value.remedy


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_finished_mesh_on_the_disk_is_read_beside_the_queue(make, scene, tmp_path, is_whole):
    triangle = np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), np.full((3, 4), 9, np.uint8)
    data = arrays.encode_mesh(*triangle)
    (tmp_path / "result.npz").write_bytes(data if is_whole else data[:100])
    (tmp_path / "request.json").write_text('{"engine": "lrm", "name": "chair", "seed": 5, "inputs": [1]}')
    queue, one = make(), recovery.finished(tmp_path, None)
    queue.submit(one)
    run(queue, lambda: not queue.busy)
    if is_whole:
        [(name, mesh)] = scene.delivered
        assert name == "chair" and mesh.faces.tolist() == [[0, 1, 2]] and one.state is State.DONE
    else:
        assert one.state is State.FAILED and "cannot be read" in one.outcome.message and not scene.delivered
