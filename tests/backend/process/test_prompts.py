# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts through the real process, with the built-in weights, at the smallest settings."""

import sys
from pathlib import Path

import numpy as np
import pytest

from backend.engines import Request, text_to_image
from backend.interface import protocol
from backend.interface.tasks import TEXT_TO_IMAGE
from backend.preprocess.image import read_image
from backend.process.availability import engine_states
from backend.process.run import drop_models
from backend.runtime.progress import Progress
from backend.weights.store.store import STARTER_TEXT
from tests.support.backend_client import ROOT, arrays

pytestmark = pytest.mark.skipif(not any(STARTER_TEXT.rglob("*.safetensors")), reason="the built-in weights are missing")


def test_a_picture_a_refusal_and_a_mesh_of_a_prompt(start, tmp_path: Path):
    client = start(command=protocol.command(sys.executable, ROOT, "serve", "--jobs", str(tmp_path / "jobs")))
    settings = {"steps": 2, "device": "cpu"}
    message = {"type": "request", "seed": 4, "parameters": settings, "inputs": {"prompt": "a red car"}}
    client.send(message | {"job": "picture", "engine": "text_to_image"})
    told, attached = client.expect("picture", "failure")
    assert told["type"] == "picture", told
    request = Request("text_to_image", {"prompt": "a red car"}, TEXT_TO_IMAGE.check(settings), 4)
    expected = text_to_image.run(request, Progress()).images[0] / 255
    drop_models()
    np.testing.assert_allclose(read_image(attached["image_file"]), expected, atol=2 / 255)
    kept = Path(told["folder"])
    assert (kept / "picture.png").read_bytes() == attached["image_file"] and not (kept / "result.npz").exists()

    client.send(message | {"job": "nothing", "engine": "dreamfusion", "inputs": {"prompt": " "}})
    refused = client.expect("result", "failure")[0]
    assert refused["kind"] == "parameter" and "no prompt" in refused["message"]

    small = settings | {"mesh_resolution": 32, "guidance_scale": 3.0}
    client.send(message | {"job": "mesh", "engine": "dreamfusion", "parameters": small})
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result", result
    assert result["report"]["prompt"] == "a red car" and result["report"]["steps"] == 2
    vertices = arrays(attached["mesh"])["vertices"]  # after two steps still the blob that it began as, made to fit
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(np.full(len(vertices), 0.5), abs=0.12)

    named = {"prompt": "a red car", "picture": settings}
    fast = {"mesh_resolution": 32, "device": "cpu"}
    client.send(message | {"job": "fast", "engine": "lrm", "parameters": fast, "inputs": named})
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result" and len(arrays(attached["mesh"])["faces"]) > 50, result
    shown = next(data for said, data in client.said if said["type"] == "preview" and said["job"] == "fast")
    np.testing.assert_allclose(arrays(shown["views"])["views"][0] / 255, expected, atol=2 / 255)
    steps = [said["overall"] for said, _ in client.said if said["type"] == "progress" and said["job"] == "fast"]
    assert steps == sorted(steps)

    client.send(message | {"job": "wrong", "engine": "lrm", "parameters": {}, "inputs": named | {"picture": {"a": 1}}})
    assert client.expect("result", "failure")[0]["kind"] == "parameter"


def test_prompts_need_nothing_that_is_not_built_in():
    state = next(state for state in engine_states() if state["name"] == "dreamfusion")
    assert state["can_run"], state
