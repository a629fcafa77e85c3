# SPDX-License-Identifier: GPL-3.0-or-later
"""The real engine with the built-in weights, through the real process and command line, at its smallest settings."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from safetensors.numpy import load_file, save_file

from backend.interface import protocol
from backend.meshing.files import load
from backend.rendering.cameras import orbit
from backend.weights.store.store import STARTER
from tests.support.backend_client import PATIENCE_S, ROOT, arrays
from tests.support.command_line import REAL, VIEWS, call

pytestmark = pytest.mark.skipif(not any(STARTER.rglob("*.safetensors")), reason="the built-in weights are not here")
SMALL = {"num_inference_steps": 2, "mesh_resolution": 32, "device": "cpu"}


def options(*names: str) -> list[str]:
    return [word for name in names for word in ("--set", f"{name}={SMALL[name]}")]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A red box on nothing."""
    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((28, 20, 68, 76), (200, 60, 40, 255))
    picture.save(tmp_path / "image.png")
    return tmp_path / "image.png"


def request(client, job: str, image: Path) -> None:
    message = {"type": "request", "job": job, "engine": "one2345", "parameters": SMALL, "seed": 3}
    client.send(message, image_file=image.read_bytes())


def test_the_process_makes_a_mesh_and_can_be_cancelled_in_every_stage(start, tmp_path: Path, image: Path):
    client = start(command=protocol.command(sys.executable, ROOT, "serve", "--jobs", str(tmp_path / "jobs")))
    request(client, "whole", image)
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result", result
    mesh = arrays(attached["mesh"])
    assert len(mesh["faces"]) > 100
    assert np.abs(mesh["vertices"]).max() < 1
    assert mesh["faces"].max() < len(mesh["vertices"]) == len(mesh["vertex_colors"])
    views = arrays(attached["views"])["views"]
    assert views.shape[0] == 32
    assert views.shape[3] == 4
    assert views[..., :3].std() > 10
    steps = [m for m, _ in client.said if m["type"] == "progress"]
    assert [s["overall"] for s in steps] == sorted(s["overall"] for s in steps)
    stages = list(dict.fromkeys(step["stage"] for step in steps))
    assert len(stages) > 4
    for number, stage in enumerate(stages):
        job = f"cancelled-{number}"
        request(client, job, image)
        while client.expect("progress", job=job)[0]["stage"] != stage:
            pass
        client.send({"type": "cancel", "job": job})
        ending, _ = client.expect("result", "failure", job=job)
        last = stage == stages[-1]  # it may be over before it hears of the cancel
        assert ending.get("kind") == "cancelled" or (last and ending["type"] == "result"), (stage, ending)
    request(client, "again", image)
    result, attached = client.expect("result", "failure")
    assert result["type"] == "result"
    np.testing.assert_array_equal(arrays(attached["mesh"])["vertices"], mesh["vertices"])  # same seed, same mesh


def test_the_command_line_makes_a_mesh(tmp_path: Path, image: Path):
    done = call(
        "generate", *VIEWS, "--image", image, "--output", tmp_path / "a.glb", "--json", *options(*SMALL), command=REAL
    )
    answer = json.loads(done.stdout)
    assert answer["ok"], answer
    assert len(load(tmp_path / "a.glb").faces) == answer["faces"] > 100
    output = tmp_path / "view.png"
    told = ["--azimuth", 90, "--elevation", 10, "--output", output, *options("num_inference_steps", "device")]
    done = call("novel-view", "--image", image, *told, "--json", command=REAL)
    answer = json.loads(done.stdout)
    assert answer["ok"], answer
    assert Image.open(output).size == (answer["width"], answer["height"])


def test_reconstruct_from_views_of_a_box(tmp_path: Path, image: Path):
    frames = []
    for number in range(8):
        shutil.copy(image, tmp_path / f"v{number}.png")
        frames.append({"file_path": f"v{number}", "transform_matrix": orbit(45.0 * number, 20.0, 1.2).tolist()})
    (tmp_path / "transforms.json").write_text(json.dumps({"camera_angle_x": 0.857, "frames": frames}))
    output = tmp_path / "box.ply"
    told = ["--output", output, *options("mesh_resolution", "device")]
    done = call("reconstruct", "--views", tmp_path, *told, "--json", command=REAL)
    answer = json.loads(done.stdout)
    assert answer["ok"], answer
    assert len(load(output).vertices) == answer["vertices"]


def break_shape(folder: Path) -> None:
    path = folder / "sparse_neus.safetensors"
    tensors = load_file(path)
    name = next(name for name, tensor in tensors.items() if tensor.ndim > 1)
    save_file({**tensors, name: tensors[name][:1]}, path)


def remove_part(folder: Path) -> None:
    shutil.rmtree(folder / "unet")


def cut_off(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def fill_with_text(folder: Path) -> None:
    (folder / "sparse_neus.safetensors").write_text("This is no tensor.")


def test_damaged_weights_are_refused_with_a_reason(tmp_path: Path, image: Path):
    """Every kind of damage is told as such. One process for all of them, because torch takes seconds to import."""
    lines = []
    for damage in (break_shape, remove_part, cut_off, fill_with_text):
        folder = tmp_path / damage.__name__
        shutil.copytree(STARTER, folder)
        damage(folder)
        arguments = ["generate", *VIEWS, "--image", image, "--output", tmp_path / "a.ply", *options(*SMALL)]
        lines.append([*map(str, arguments), "--set", f"weights={folder}"])
    code = (
        "import json, sys; from backend.__main__ import main\n"
        "sys.exit(str([main(line) for line in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(lines),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.stderr.splitlines()[-1] == str([3] * 4), done.stderr
    assert len(errors) == 4
    assert not (tmp_path / "a.ply").exists()
