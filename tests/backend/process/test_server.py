# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as a real process, asked by frames; its engine is a double, everything else is the product."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.interface import protocol
from backend.interface.tasks import MESH_TASKS
from tests.support.backend_client import ROOT, arrays, picture
from tests.support.double_engine import FACES, MODEL_BYTES, VERTICES


def test_the_real_command_greets_without_torch(start, tmp_path: Path):
    """Started as Blender starts it, in an environment full of another Python's settings."""
    poison = {"PYTHONHOME": "/nowhere", "PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": "/nowhere"}
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')")
    os.environ.update(poison)
    try:
        client = start(command=protocol.command(sys.executable, ROOT, "serve", "--jobs", str(tmp_path / "jobs")))
    finally:
        for name in poison:
            del os.environ[name]
    hello, _ = client.expect("hello")
    assert client.said[0][0] is hello
    assert hello["protocol"] == protocol.PROTOCOL
    assert [e["name"] for e in hello["engines"]] == [engine.name for engine in MESH_TASKS]
    assert {"can_run", "missing", "remedy"} <= set(hello["engines"][0])
    assert hello["devices"][0]["kind"] == "cpu"
    assert hello["python"] == ".".join(map(str, sys.version_info[:3]))
    devices, _ = client.expect("devices")
    assert devices["devices"][0]["kind"] == "cpu"
    assert "torch" not in loaded_libraries(client.process.pid)
    assert client.end() == 0


def loaded_libraries(pid: int) -> str:
    maps = Path(f"/proc/{pid}/maps")
    return maps.read_text() if maps.exists() else ""


def test_a_request_is_answered_with_progress_and_a_result(start, tmp_path: Path):
    client = start()
    client.request("job-1", image=picture((10, 200, 30, 255)), parameters={"num_inference_steps": "7"})
    assert client.expect("queued")[0]["position"] == 0
    _, preview = client.expect("preview", job="job-1")
    assert (arrays(preview["views"])["views"] == (10, 200, 30, 255)).all()
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result"
    mesh = arrays(attached["mesh"])
    np.testing.assert_array_equal(mesh["vertices"], VERTICES)
    np.testing.assert_array_equal(mesh["faces"], FACES)
    assert (mesh["vertex_colors"] == (10, 200, 30, 255)).all()
    assert [mesh[name].dtype for name in ("vertices", "faces", "vertex_colors")] == [np.float32, np.int32, np.uint8]
    assert arrays(attached["views"])["views"].shape == (2, 8, 8, 4)
    progress = result["report"]
    assert (progress["engine"], progress["seed"], progress["steps"]) == ("one2345", 1, 7)
    assert (progress["numpy"], progress["nan"]) == (0.5, None)
    steps = [m for m, _ in client.said if m["type"] == "progress"]
    assert [s["stage"] for s in steps] == ["Loading the engine", "views", "mesh"]
    assert [s["overall"] for s in steps] == pytest.approx([0, 0, 1], abs=0.05)

    folder = Path(result["folder"])
    assert folder == tmp_path / "jobs" / "job-1"
    kept = sorted(os.listdir(folder))
    assert kept == ["input.image", "log.txt", "report.json", "request.json", "result.npz", "thumbnail.png", "views.npz"]
    for name, array in arrays((folder / "result.npz").read_bytes()).items():
        np.testing.assert_array_equal(array, mesh[name])
    assert json.loads((folder / "request.json").read_text())["parameters"] == {"num_inference_steps": "7"}
    assert json.loads((folder / "report.json").read_text()) == progress
    assert (folder / "input.image").read_bytes() == picture((10, 200, 30, 255))


def test_an_image_from_blender_and_one_on_disk(start, tmp_path: Path):
    import io

    client = start()
    stream = io.BytesIO()
    np.savez(stream, image=np.full((20, 20, 4), (0.0, 0.2, 0.4, 1.0), np.float32))
    request = {"type": "request", "engine": "one2345", "parameters": {}, "seed": 0}
    client.send(request | {"job": "a", "inputs": {"image": "attachment"}}, image=stream.getvalue())
    assert client.expect("result", "failure")[0]["report"]["mean"] == [0, 51, 102, 255]
    (tmp_path / "größe.png").write_bytes(picture((1, 2, 3, 255)))
    client.send(request | {"job": "b", "inputs": {"image": str(tmp_path / "größe.png")}})
    assert client.expect("result", "failure")[0]["report"]["mean"] == [1, 2, 3, 255]


REFUSED = {
    "engine": ({"engine": "one2435"}, "parameter", "did you mean 'one2345'"),
    "no engine": ({"engine": None}, "parameter", "no engine"),
    "parameter": ({"parameters": {"elevation": 3}}, "parameter", "did you mean 'elevation_deg'"),
    "range": ({"parameters": {"num_inference_steps": 1000}}, "parameter", "0 to 100"),
    "parameters": ({"parameters": [1]}, "parameter", "name and value"),
    "seed": ({"seed": -1}, "parameter", "seed"),
    "seed kind": ({"seed": "x"}, "parameter", "seed"),
    "job with a path": ({"job": "../../evil"}, "parameter", "name of a job"),
    "job without a name": ({"job": None}, "parameter", "name of a job"),
    "job with a long name": ({"job": "x" * 100}, "parameter", "name of a job"),
    "job that is a number": ({"job": 7}, "parameter", "name of a job"),
}


def test_bad_requests_are_answered_and_the_next_job_works(start, tmp_path: Path):
    client = start()
    for changes, kind, words in REFUSED.values():
        client.request("x", **changes)
        failure, _ = client.expect("result", "failure")
        assert (failure["type"], failure["kind"]) == ("failure", kind)
        job = changes.get("job", "x")
        assert failure["job"] == (job if isinstance(job, str) else None)
        assert words in failure["message"]
        assert failure["remedy"]
    for image, words in (
        (b"", "empty"),
        (b"text", "not an image"),
        (picture()[:60], "damaged"),
        (picture(size=(1, 1)), "1 x 1"),
    ):
        client.request(f"image-{len(client.said)}", image=image)
        failure, _ = client.expect("result", "failure")
        assert (failure["type"], failure["kind"]) == ("failure", "input")
        assert words in failure["message"]
    client.send({"type": "request", "job": "none", "engine": "one2345"})
    assert "No image" in client.expect("failure")[0]["message"]
    client.send({"type": "from the future"})
    assert "from the future" in client.expect("log")[0]["text"]
    client.request("good")
    assert client.expect("result", "failure")[0]["type"] == "result"
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("scenario", "kind", "words"),
    [
        ("memory", "memory", "not enough memory"),
        ("bug", "internal", "KeyError"),
        ("exit", "internal", "SystemExit"),
        ("weights", "weights", "unet is missing"),
        ("empty", "input", "No object"),
    ],
)
def test_an_engines_failure_is_reported_with_kind_and_remedy(
    start, tmp_path: Path, scenario: str, kind: str, words: str
):
    client = start()
    client.request("bad", scenario)
    failure, _ = client.expect("result", "failure")
    assert (failure["type"], failure["job"], failure["kind"]) == ("failure", "bad", kind)
    assert words in failure["message"]
    assert failure["remedy"]
    assert failure["lower"] == ({"mesh_resolution": 64} if scenario == "memory" else {})  # half of what is usual
    assert "Traceback" in (tmp_path / "jobs" / "bad" / "log.txt").read_text()
    assert not (tmp_path / "jobs" / "bad" / "result.npz").exists()
    client.request("good")
    assert client.expect("result", "failure")[0]["type"] == "result"
    if scenario == "memory":
        assert "unloaded" in client.log.read_text()


def test_jobs_queue_and_waiting_ones_can_be_cancelled(start):
    client = start()
    client.request("first", "wait")
    client.request("second")
    client.request("third")
    assert [client.expect("queued")[0]["position"] for _ in range(3)] == [0, 1, 2]
    client.request("third")
    assert "already" in client.expect("failure")[0]["message"]
    client.send({"type": "cancel", "job": "second"})
    failure, _ = client.expect("failure", "result")  # although the first job goes on for ever
    assert (failure["job"], failure["kind"]) == ("second", "cancelled")
    client.send({"type": "cancel", "job": "first"})
    failure, _ = client.expect("failure", "result")
    assert (failure["job"], failure["kind"]) == ("first", "cancelled")
    assert client.expect("failure", "result")[0] | {"report": 0, "folder": 0} == {
        "type": "result",
        "job": "third",
        "report": 0,
        "folder": 0,
    }
    assert not [m for m, _ in client.said if m["type"] == "progress" and m["job"] == "second"]


def test_cancelling_what_is_unknown_or_over_changes_nothing(start):
    client = start()
    for job in ("never", None, 3, ["a"]):
        client.send({"type": "cancel", "job": job})
    client.request("a")
    client.expect("result")
    client.send({"type": "cancel", "job": "a"})
    client.request("b")
    assert client.expect("result", "failure")[0]["job"] == "b"


def test_cancel_interrupts_a_torch_module(start):
    """The engine calls a module for ever and never asks; only the hook on forward can end it."""
    client = start("--torch")
    client.request("a", "forward")
    client.wait_for_log("working")
    client.send({"type": "cancel", "job": "a"})
    failure, _ = client.expect("failure", "result")
    assert failure["kind"] == "cancelled"
    client.request("b")
    assert client.expect("failure", "result")[0]["type"] == "result"


def test_printing_engines_do_not_disturb_frames(start):
    client = start()
    client.request("a", "chatter")
    result, _ = client.expect("result", "failure")
    assert (result["type"], result["job"]) == ("result", "a")
    log = client.log.read_text()
    for text in ("from Python\n", "from Python's first stdout", "from the descriptor", "from C", "from a child ''"):
        assert text in log
    assert client.end() == 0
    assert client.error is None


def test_heartbeats_come_while_a_job_works(start):
    client = start()
    client.request("a", "wait")
    client.expect("queued")
    client.expect("heartbeat")
    client.send({"type": "heartbeat"})
    client.expect("heartbeat")


def test_models_are_dropped_when_idle(start):
    client = start("--idle")
    for job in ("a", "b"):
        client.request(job, "model")
        client.expect("result")
        client.wait_for_log("unloaded\n" * (1 if job == "a" else 2))


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, on Linux."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_unload_returns_the_memory_of_models_and_the_process_goes_on(start):
    client = start()
    client.request("a", "model")
    client.expect("result")
    with_model = resident_bytes(client.process.pid)
    client.send({"type": "unload"})
    client.wait_for_log("unloaded")
    client.request("b")
    client.expect("result")
    assert with_model - resident_bytes(client.process.pid) > 0.9 * MODEL_BYTES
    assert client.end() == 0


def test_unload_and_shutdown(start):
    client = start()
    client.request("a", "model")
    client.expect("result")
    client.send({"type": "unload"})
    client.wait_for_log("unloaded")
    client.request("b")
    client.expect("result")
    client.request("c", "hang")
    client.wait_for_log("working")
    client.send({"type": "shutdown"})
    assert client.process.wait(60) == 0


def test_the_enough_message_ends_a_job_with_its_result(start):
    client = start()
    client.request("a", "go_on")
    client.wait_for_log("from nothing")
    client.send({"type": "enough", "job": "another"})
    client.send({"type": "enough", "job": ["a"]})
    client.send({"type": "enough", "job": "a"})
    assert client.expect("result", "failure")[0]["type"] == "result"


def test_a_job_resumes_a_cancelled_one(start, tmp_path):
    client = start()
    client.request("a", "go_on")
    client.wait_for_log("from nothing")
    client.send({"type": "cancel", "job": "a"})
    assert client.expect("result", "failure")[0]["kind"] == "cancelled"
    client.request("b", "go_on", resume="a")
    client.wait_for_log("from a")
    client.send({"type": "enough", "job": "b"})
    assert client.expect("result", "failure")[0]["type"] == "result"
    assert not (tmp_path / "jobs" / "stage_times.json").exists(), "half a job's time is not remembered"


@pytest.mark.parametrize("earlier", ["never", "../secret", 3, None, ["a"]])
def test_a_job_without_an_earlier_one_starts_from_scratch(start, tmp_path, earlier):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "state.pt").write_text("stolen")
    client = start()
    client.request("b", "go_on", resume=earlier)
    client.wait_for_log("from nothing")
    client.send({"type": "enough", "job": "b"})
    assert client.expect("result", "failure")[0]["type"] == "result"


def test_the_seconds_of_stages_are_kept_for_cold_and_warm_jobs(start, tmp_path: Path):
    client = start()
    for number in range(3):
        client.request(f"job{number}", image=picture((10, 200, 30, 255)))
        client.expect("result", job=f"job{number}")
    kinds = json.loads((tmp_path / "jobs" / "stage_times.json").read_text())
    assert len(kinds) == 2, "the first job loads models, the others find them"
    assert all(min(kind["times"].values()) >= 0 for kind in kinds.values())
    assert sorted(kind["is_warm"] for kind in kinds.values()) == [False, True]


def test_a_look_is_answered_while_a_job_runs(start):
    """With the picture of the image, and then with the reason why there is none."""
    client = start()
    client.request("job-1", scenario="wait")
    client.expect("progress", job="job-1")
    kept = {"type": "look", "look": 7, "framed": 16, "remove_background": "never"}
    client.send(kept, image_file=picture((10, 200, 30, 255)))
    answer, attached = client.expect("look")
    views = arrays(attached["views"])["views"]
    assert answer["look"] == 7 and views.shape == (1, 16, 16, 4)
    assert (views[0, 6:10, 6:10] == (10, 200, 30, 255)).all() and views[0, 0, 0, 3] == 0, "framed with a margin"
    client.send({"type": "look", "look": 8, "framed": 16}, image_file=b"no image")
    answer, attached = client.expect("look")
    assert answer["look"] == 8 and "not an image" in answer["message"] and not attached
    client.send({"type": "cancel", "job": "job-1"})
    assert client.expect("failure", job="job-1")[0]["kind"] == "cancelled"
