# SPDX-License-Identifier: GPL-3.0-or-later
"""One request with engines that record what they are asked."""

from types import SimpleNamespace

import numpy as np
import pytest

from backend.engines import ImageResult, MeshResult, Request
from backend.interface.tasks import LRM, ONE2345, ZERO123_SDS
from backend.process.identity import identify
from backend.process.run import run
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress

IMAGE = np.zeros((8, 8, 4), np.float32)
FAST = Mesh(np.eye(3), np.array([[0, 1, 2]]))
FINE = Mesh(np.eye(4, 3), np.array([[0, 1, 2], [0, 2, 3]]))


def engines(meshes: dict[str, Mesh]):
    """`load` of engines that return these meshes, and their requests."""
    asked: list[Request] = []

    def load(name: str):
        def answer(request: Request, progress: Progress) -> MeshResult:
            asked.append(request)
            progress.plan({"Work": 1})
            progress.update("Work", 1, 2)
            progress.update("Work", 2, 2)
            return MeshResult(meshes[name], np.zeros((1, 4, 4, 4), np.uint8), {"own": 1})

        return SimpleNamespace(run=answer)

    return load, asked


def test_a_fast_start_runs_one2345_with_the_shared_parameters():
    load, asked = engines({"one2345": FAST, "zero123_sds": FINE})
    parameters = ZERO123_SDS.check({"start": "fast", "device": "cpu", "elevation_deg": 12.0, "mesh_resolution": 77})
    seen = []
    result = run(Request("zero123_sds", {"image": IMAGE}, parameters, 5), Progress(seen.append), load)
    first, second = asked
    assert first.task == "one2345" and first.seed == 5 and set(first.inputs) == {"image"}
    assert first.parameters == ONE2345.check({"device": "cpu", "elevation_deg": 12.0})
    assert second.inputs["mesh"] is FAST and second.parameters is parameters
    assert (result.facts["vertices"], result.facts["faces"], result.facts["own"]) == (4, 2, 1)
    overall = {(p.stage, p.step): round(p.overall, 3) for p in seen}
    assert overall["Start", 50] == 0.05 and overall["Start", 100] == 0.1
    assert overall["Work", 1] == 0.55 and overall["Work", 2] == 1


def test_other_starts_run_no_other_engine():
    load, asked = engines({"zero123_sds": FINE})
    run(Request("zero123_sds", {"image": IMAGE, "mesh": FAST}, ZERO123_SDS.check({"start": "mesh"})), Progress(), load)
    assert len(asked) == 1 and asked[0].inputs["mesh"] is FAST


def test_the_identity_is_that_of_the_request_before_the_fast_start():
    """Not with the mesh to start from, which another run may make with other last bits."""
    load, asked = engines({"one2345": FAST, "zero123_sds": FINE})
    request = Request("zero123_sds", {"image": IMAGE}, ZERO123_SDS.check({"start": "fast"}), 5)
    run(request, Progress(), load)
    assert asked[1].identity == identify(request) and "mesh" not in request.inputs


def test_what_a_prompts_image_could_not_use_is_told_of_the_mesh():
    def load(name: str):
        def draw(request: Request, progress: Progress) -> ImageResult:
            progress.remarks.append("It does not know: dragon.")
            return ImageResult(np.zeros((1, 8, 8, 4), np.uint8))

        def build(request: Request, progress: Progress) -> MeshResult:
            progress.remarks.append("It does not know: dragon.")
            return MeshResult(FAST, np.zeros((1, 4, 4, 4), np.uint8), {"warning": "Two objects.", "note": "A note."})

        return SimpleNamespace(run=draw if name == "text_to_image" else build)

    progress = Progress()
    progress.remarks.append("The seed has no effect.")
    result = run(Request("lrm", {"prompt": "a red dragon"}, LRM.check({})), progress, load)
    assert result.facts["warning"] == "The seed has no effect. It does not know: dragon. Two objects."
    assert result.facts["note"] == "A note."


@pytest.mark.parametrize(("max_faces", "is_said"), [(0, False), (1, True), (2, False), (9, False)])
def test_a_mesh_that_keeps_more_faces_than_asked_says_so(max_faces, is_said):
    load, _ = engines({"one2345": FINE})
    request = Request("one2345", {"image": IMAGE}, ONE2345.check({"max_faces": max_faces}))
    warning = run(request, Progress(), load).facts.get("warning", "")
    assert warning == ("The mesh has 2 faces: with 1 it would lose its shape." if is_said else "")


def test_warnings_about_the_image_become_the_results_and_no_engines_input():
    load, asked = engines({"zero123_sds": FINE})
    request = Request("zero123_sds", {"image": IMAGE, "warnings": ["One.", "Two."]}, ZERO123_SDS.check({}))
    assert run(request, Progress(), load).facts["warning"] == "One. Two."
    assert set(asked[0].inputs) == {"image"}
    assert asked[0].identity == identify(Request("zero123_sds", {"image": IMAGE}, ZERO123_SDS.check({})))
