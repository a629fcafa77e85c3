# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as a process: answers on standard output, one line for an error, the exit status."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backend.interface.tasks import MESH_TASKS
from backend.meshing.files import load
from backend.rendering.cameras import orbit
from tests.support.backend_client import PATIENCE_S, PICTURE, ROOT
from tests.support.command_line import REAL, VIEWS, WITH_DOUBLE, call
from tests.support.double_engine import FACES, VERTICES


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "image.png").write_bytes(PICTURE)
    return tmp_path / "image.png"


def failed(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """It ended with that status, one line on standard error with these words, and nothing on standard output."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    for word in words:
        assert word in lines[0]


def generate(image: Path, output: Path, *more: object, **process: Any) -> subprocess.CompletedProcess[str]:
    return call("generate", *VIEWS, "--image", image, "--output", output, *more, **process)


def test_listing_engines_imports_no_torch():
    code = (
        "import sys; from backend.__main__ import main; main(['engines'])\n"
        "sys.exit(str({'torch', 'trimesh', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stderr.strip() == "set()"
    for engine in MESH_TASKS:
        assert engine.title in done.stdout
        for parameter in engine.parameters:
            assert f"{parameter.name} = {parameter.default}" in done.stdout


def test_engines_prints_json_for_programs():
    done = call("engines", "--json", command=REAL)
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["ok"] is True
    assert [e["name"] for e in answer["engines"]] == [e.name for e in MESH_TASKS]
    views = next(e for e in answer["engines"] if e["name"] == "one2345")
    steps = next(p for p in views["parameters"] if p["name"] == "num_inference_steps")
    assert (steps["kind"], steps["minimum"], steps["maximum"]) == ("int", 0, 100)


def test_generate_prints_progress_for_people_and_json_for_programs(image: Path, tmp_path: Path):
    done = generate(image, tmp_path / "a.ply", "--seed", 5, "--set", "num_inference_steps=9")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'a.ply'}: 4 vertices, 4 faces")
    mesh = load(tmp_path / "a.ply")
    np.testing.assert_array_equal(mesh.vertices, VERTICES)
    assert (mesh.vertex_colors == (10, 200, 30, 255)).all()
    done = generate(image, tmp_path / "new folder" / "b.glb", "--seed", 5, "--json", "--set", "weights=chatter")
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["faces"], answer["report"]["seed"]) == (True, 4, 5)
    assert Path(answer["output"]) == tmp_path / "new folder" / "b.glb"
    np.testing.assert_array_equal(load(answer["output"]).faces, FACES)
    assert "from C" in done.stderr
    assert answer["report"]["warning"] == "The double says so. It has no back."


def test_people_are_told_on_standard_error_what_a_report_says_of_the_result(image: Path, tmp_path: Path):
    idle = ["--set", "quality=paper"]
    done = generate(image, tmp_path / "a.ply", "--set", "weights=starter", *idle)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert done.stderr.splitlines() == [
        "Quality (quality) has no effect with weights=starter. The double says so. It has no back.",
        "Background kept.",
    ]
    answer = json.loads(generate(image, tmp_path / "a.ply", "--json", "--set", "weights=starter", *idle).stdout)
    assert answer["report"]["warning"] == done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("scenario", "status", "kind"),
    [("memory", 4, "memory"), ("weights", 3, "weights"), ("bug", 1, "internal"), ("empty", 2, "input")],
)
def test_each_kind_of_failure_has_its_exit_status(image: Path, tmp_path: Path, scenario: str, status: int, kind: str):
    done = generate(image, tmp_path / "a.ply", "--set", f"weights={scenario}", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == status
    assert (answer["ok"], answer["kind"]) == (False, kind)
    assert answer["message"]
    assert answer["remedy"]
    assert not (tmp_path / "a.ply").exists()


def test_an_error_is_one_line_unless_details_are_requested(image: Path, tmp_path: Path):
    arguments = ["generate", *VIEWS, "--image", image, "--output", tmp_path / "a.ply", "--set", "weights=bug"]
    failed(call(*arguments), 1, "KeyError: 'a bug'")
    done = call("--debug", *arguments)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_wrong_usage_is_reported_before_any_work(image: Path, tmp_path: Path):
    """Through the real engine, which would take minutes: the checks come first."""
    output = ["--output", tmp_path / "a.ply"]
    cases = [
        (["generate", *output], 2, ["--image"]),
        (["gnerate"], 2, ["generate"]),
        (["generate", *VIEWS, "--image", tmp_path / "no.png", *output], 2, ["no image at"]),
        (["generate", *VIEWS, "--image", tmp_path, *output], 2, ["not a file"]),
        (["generate", *VIEWS, "--image", image, "--output", tmp_path / "a.fbx"], 2, [".ply", ".glb", ".obj", ".stl"]),
        (["generate", *VIEWS, "--image", image, "--output", image / "a.ply"], 5, ["cannot be written"]),
        (["generate", *VIEWS, "--image", image, *output, "--engine", "one234"], 2, ["did you mean 'one2345'"]),
        (["generate", *VIEWS, "--image", image, *output, "--set", "guidance=3"], 2, ["did you mean 'guidance_scale'"]),
        (["generate", *VIEWS, "--image", image, *output, "--set", "guidance_scale=30"], 2, ["0 to 10"]),
        (["generate", *VIEWS, "--image", image, *output, "--set", "guidance_scale"], 2, ["NAME=VALUE"]),
        (["generate", *VIEWS, "--image", image, *output, "--seed", "-1"], 2, ["--seed"]),
        (["novel-view", "--image", image, "--azimuth", "x", "--elevation", "0", "--output", "a.png"], 2, ["--azimuth"]),
        (["reconstruct", "--views", tmp_path, *output], 2, ["no transforms.json"]),
        (
            ["reconstruct", "--views", tmp_path, *output, "--engine", "lrm"],
            2,
            ["LRM (fastest) cannot do Views to Mesh", "one2345, views_to_mesh"],
        ),
        (
            ["novel-view", "--image", image, "--azimuth", "3", "--output", "a.png", "--engine", "dreamfusion"],
            2,
            ["DreamFusion (prompt, slow) cannot do Novel View", "one2345, novel_view"],
        ),
    ]
    code = (
        "import json, sys; from backend.__main__ import main\n"
        "sys.exit(str([main(line) for line in json.load(sys.stdin)]))"
    )
    lines = json.dumps([list(map(str, arguments)) for arguments, _, _ in cases])
    done = subprocess.run(
        [sys.executable, "-c", code], input=lines, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.stdout == ""
    *errors, statuses = done.stderr.splitlines()
    assert json.loads(statuses) == [status for _, status, _ in cases]
    for error, (_, _, words) in zip(errors, cases, strict=True):
        assert error.startswith("Error: ")
        for word in words:
            assert word in error
    assert sorted(os.listdir(tmp_path)) == ["image.png"]


@pytest.mark.parametrize(
    ("elevation", "told"), [(["--elevation", 20], 20), ([], 255)], ids=["given", "the image's own"]
)
def test_novel_view_passes_angles_and_seed_to_the_engine_and_saves_the_image(
    image: Path, tmp_path: Path, elevation: list, told: int
):
    output = tmp_path / "b.png"
    angles = ["--azimuth", 40, *elevation, "--seed", 3]
    done = call("novel-view", "--image", image, *angles, "--output", output, "--json")
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["width"], answer["height"]) == (True, 32, 32)
    pixels = np.asarray(Image.open(output))
    assert pixels[0, 0].tolist() == [40, told, 3, 255]
    assert pixels[1, 1].tolist() == [10, 200, 30, 255]


def test_reconstruct_reads_a_view_folder_and_applies_the_scale(tmp_path: Path):
    frames = [{"file_path": f"v{i}", "transform_matrix": orbit(90.0 * i, 0.0, 2.0).tolist()} for i in range(3)]
    (tmp_path / "transforms.json").write_text(json.dumps({"camera_angle_x": 0.7, "frames": frames}))
    for index in range(3):
        Image.new("RGB", (20, 20), (30 * index, 0, 0)).save(tmp_path / f"v{index}.png")
    done = call("reconstruct", "--views", tmp_path, "--scale", 0.5, "--output", tmp_path / "a.obj", "--json")
    assert json.loads(done.stdout)["views"] == 3
    mesh = load(tmp_path / "a.obj")
    np.testing.assert_allclose(mesh.vertices, VERTICES + np.array([0, -1, 0]), atol=1e-6)
    assert (mesh.vertex_colors[:, 0] == 30).all()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_control_c_cancels_and_keeps_the_existing_file(image: Path, tmp_path: Path):
    (tmp_path / "a.ply").write_bytes(b"the user's own")
    arguments = ["generate", *VIEWS, "--image", image, "--output", tmp_path / "a.ply", "--set", "weights=wait"]
    command, pipe = [*WITH_DOUBLE, *map(str, arguments)], subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout and process.stderr
        for line in process.stderr:
            if "working" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(PATIENCE_S) == 130
        assert "Error: Cancelled." in rest
        assert "Traceback" not in rest
        assert process.stdout.read() == ""
    assert (tmp_path / "a.ply").read_bytes() == b"the user's own"


@pytest.mark.skipif(os.name == "nt", reason="needs a limit for the size of files")
def test_a_full_disk_is_reported(image: Path, tmp_path: Path):
    import resource

    (tmp_path / "a.ply").write_bytes(b"the user's own")
    done = generate(
        image,
        tmp_path / "a.ply",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    failed(done, 5, "cannot be written", "Free some space")
    assert (tmp_path / "a.ply").read_bytes() == b"the user's own"
    assert sorted(os.listdir(tmp_path)) == ["a.ply", "image.png"]


def test_doctor_reports_versions_and_its_exit_status_agrees():
    done = call("doctor", "--json", command=REAL)
    answer = json.loads(done.stdout)
    found = {check["what"]: check for check in answer["checks"]}
    assert answer["ok"] == all(check["ok"] for check in answer["checks"]) == (done.returncode == 0)
    assert found["numpy"]["found"] == np.__version__
    assert found["Computing"]["ok"]
    assert sys.executable in found["Python"]["found"]


def test_help_names_every_command():
    done = call("--help", command=REAL)
    assert done.returncode == 0
    for command in "generate novel-view reconstruct engines models train evaluate doctor serve".split():
        assert command in done.stdout
    done = call("train", "--help", command=REAL)
    assert done.returncode == 0
    assert "reconstruction" in done.stdout
