# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine TripoSG on a small random release whose decoder knows a body of a closed form: from image to mesh."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from backend.engines import Request, triposg
from backend.input_view.picture_colors import NOT_PROJECTED, PROJECTED
from backend.interface.catalog import WeightsError
from backend.interface.errors import ImageError
from backend.interface.tasks import task
from backend.interface.view_set import FOV_DEG, RADIUS
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Cancelled, Progress
from tests.support.triposg_checkpoints import body, shaped, write

CELL = 2 * 1.005 / 32 / 2  # in Blender's frame
SETTINGS = {"num_inference_steps": 2, "latents": 256, "mesh_resolution": 32, "max_faces": 0, "texture": "off"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    yield write(tmp_path_factory.mktemp("shaped") / "w", vae=shaped())
    triposg.load.drop()


def picture() -> np.ndarray:
    image = np.zeros((96, 96, 4), np.float32)
    image[20:76, 10:86] = 1, 0.5, 0, 1
    return image


def ask(folder: Path, image: np.ndarray | None = None, progress: Progress | None = None, seed: int = 0, **values: Any):
    parameters = task("triposg").check(SETTINGS | {"weights": str(folder), "device": "cpu"} | values)
    inputs = {"image": picture() if image is None else image}
    return triposg.run(Request("triposg", inputs, parameters, seed), progress or Progress())


@pytest.fixture(scope="module")
def made(folder) -> Mesh:
    return ask(folder, match_picture=False).mesh


def root(axis: int, low: float, high: float) -> float:
    """Where the body's surface crosses an axis of TripoSG's own frame."""
    return float(brentq(lambda x: float(body(torch.eye(3, dtype=torch.float64)[axis] * x)), low, high))


def test_the_mesh_is_the_closed_surface_of_the_body_in_blenders_frame(made):
    """A vertex (x, y, z) lies at (2 x, 2 z, -2 y) of TripoSG's frame: up is its y, the front, Blender's -y, its z."""
    x, y, z = 2 * torch.from_numpy(made.vertices).double().T
    assert body(torch.stack([x, z, -y], 1)).abs().max() < 0.06
    assert made.is_closed and made.volume > 0
    front, back = made.vertices[:, 1].min(), made.vertices[:, 1].max()
    assert front == pytest.approx(-root(2, 0, 1) / 2, abs=CELL) and back == pytest.approx(-root(2, -1, 0) / 2, abs=CELL)
    assert -front > 1.2 * back


def test_the_axes_are_turned_and_not_mirrored():
    right, up, front = triposg.to_blender(np.eye(3, dtype=np.float32))
    np.testing.assert_allclose([right, up, front], [[0.5, 0, 0], [0, 0, 0.5], [0, -0.5, 0]], atol=1e-7)
    assert np.linalg.det(triposg.AXES) == pytest.approx(1)


def test_a_finer_mesh_lies_nearer_to_the_body_and_a_coarse_one_is_shown_first(folder, made, monkeypatch):
    monkeypatch.setattr(triposg, "FIRST", 32)
    shown: list[tuple[np.ndarray, Mesh]] = []
    fine = ask(
        folder,
        progress=Progress(on_preview=lambda views, mesh: shown.append((views, mesh))),
        match_picture=False,
        mesh_resolution=64,
    ).mesh
    [(views, coarse)] = shown
    assert views.shape == (4, 128, 128, 4) and len(coarse.faces) == len(made.faces) < len(fine.faces) / 3

    def error(mesh: Mesh) -> float:
        x, y, z = 2 * torch.from_numpy(mesh.vertices).double().T
        return float(body(torch.stack([x, z, -y], 1)).abs().mean())

    assert error(fine) < 0.5 * error(made)


def test_the_image_is_projected_where_it_shows_the_mesh(folder, made):
    """A photograph of the body itself, red at the left and blue at the right, from 15 degrees above."""
    halves = made.vertices[:, :1] < 0
    colors = np.where(halves, [[220, 30, 30, 255]], [[30, 30, 220, 255]]).astype(np.uint8)
    photograph = render_mesh(
        Mesh(made.vertices, made.faces, colors), Camera(orbit(0, 15, RADIUS), FOV_DEG, 256, 256)
    ).numpy()
    result = ask(folder, photograph, unseen_sides="front")
    assert result.facts["picture"] == PROJECTED and result.facts["picture_camera"]["iou"] > 0.95
    assert "turned_deg" not in result.facts
    elevation = result.facts["picture_camera"]["elevation_deg"]
    assert abs(elevation) == pytest.approx(15, abs=6)  # the body is as high as deep: from below it looks the same
    side = np.abs(result.mesh.vertices[:, 0]) > 0.1
    found, wanted = result.mesh.vertex_colors[side, :3].astype(int), colors[side, :3].astype(int)
    assert np.abs(found - wanted).mean() < 12
    assert result.views.shape == (4, 128, 128, 4)


def test_where_the_outlines_differ_the_mesh_has_the_images_usual_colour_and_a_warning(folder):
    image = np.zeros((96, 96, 4), np.float32)
    image[5:90, 40:46] = 0, 0.5, 1, 1  # a thin post
    result = ask(folder, image)
    assert result.facts["picture"] == NOT_PROJECTED and "outlines agree only to" in result.facts["warning"]
    assert (result.mesh.vertex_colors == [0, 128, 255, 255]).all()


def test_the_seed_and_the_image_decide_the_latents(folder):
    model = triposg.load(folder, torch.device("cpu"))
    parameters = task("triposg").check(SETTINGS)
    tokens = torch.randn(1, 5, 48, generator=torch.Generator().manual_seed(0))

    def latents(seed: int, tokens: torch.Tensor = tokens) -> torch.Tensor:
        return triposg.sample_latents(model, tokens, parameters, seed, Progress())

    assert torch.equal(latents(1), latents(1)) and latents(1).shape == (1, 256, 16)
    assert not torch.equal(latents(1), latents(2)) and not torch.equal(latents(1), latents(1, -tokens))


def test_every_stage_can_be_cancelled(folder):
    triposg.load.drop()
    stages = [*triposg.STAGES, *triposg.TEXTURE_STAGE]
    for stage in stages:
        seen: list[str] = []
        progress = Progress(
            lambda p, seen=seen: seen.append(p.stage), None, lambda seen=seen, stage=stage: stage in seen
        )
        with pytest.raises(Cancelled):
            ask(folder, progress=progress, texture="512", max_faces=500)
        assert seen[-1] == stage and list(dict.fromkeys(seen)) == stages[: stages.index(stage) + 1]


def test_shapes_without_a_surface_are_reported(tmp_path):
    empty = shaped()
    empty["decoder.proj_out.weight"].zero_()
    empty["decoder.proj_out.bias"] += 1  # outside everywhere
    with pytest.raises(ImageError, match="no solid object") as caught:
        ask(write(tmp_path / "empty", vae=empty))
    assert caught.value.remedy


def test_values_that_are_not_numbers_are_reported(folder, monkeypatch):
    monkeypatch.setattr(triposg.TripoSG, "query", lambda self, shape, points, count: points[:, 0] * torch.nan)
    with pytest.raises(ImageError, match="not numbers") as caught:
        ask(folder)
    assert "CPU" in caught.value.remedy


def test_wrong_weights_are_refused_before_the_image_is_looked_at(tmp_path):
    nothing = np.zeros((8, 8, 4), np.float32)
    with pytest.raises(WeightsError, match="no whole TripoSG"):
        ask(tmp_path, nothing)
    with pytest.raises(WeightsError, match="not downloaded"):
        ask(Path("triposg"), nothing)
    with pytest.raises(ImageError, match="transparent"):
        ask(write(tmp_path / "w"), nothing)


def test_out_of_memory_offers_a_coarser_mesh():
    from backend.process.failure import lighter

    assert lighter(task("triposg"), task("triposg").check({})) == {"mesh_resolution": 128}
