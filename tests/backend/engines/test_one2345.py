# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine on the starter weights, with a sphere whose pictures and surface are known in closed form."""

import shutil
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from backend.engines import Request, novel_view, one2345
from backend.interface.catalog import WeightsError
from backend.interface.tasks import NOVEL_VIEW, ONE2345, One2345Parameters
from backend.interface.view_set import FOV_DEG, RADIUS, view_set
from backend.preprocess.framing import frame
from backend.reconstruction.sparse_neus.to_mesh import mesh_from_images
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Cancelled, Progress
from backend.weights.loaders.one2345 import load_models
from backend.weights.store.store import STARTER

BALL = 0.35
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.15, 0.9)


def picture(azimuth: float, elevation: float, size: int = 64) -> tuple[np.ndarray, Camera]:
    """A ball, red on the side of +X and blue on the other: RGBA float32 (size, size, 4)."""
    camera = Camera(orbit(azimuth, elevation, RADIUS), FOV_DEG, size, size)
    return see([((0, 0, 0), BALL)], camera, lambda points: points[:, 0] > 0), camera


def see(balls: list, camera: Camera, is_red: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    """Balls (middle, radius), red and blue, by ray and sphere: RGBA float32 (H, W, 4)."""
    origins, directions = rays(camera)
    nearest = torch.full((len(origins),), torch.inf)
    for middle, radius in balls:
        start = origins - torch.tensor(middle)
        b = (start * directions).sum(1)
        root = b * b - (start * start).sum(1) + radius**2
        nearest = torch.minimum(nearest, torch.where(root > 0, -b - root.clamp(min=0).sqrt(), torch.inf))
    hit = nearest.isfinite()[:, None]
    red = is_red(origins + nearest[:, None] * directions)[:, None]
    color = torch.where(red, torch.tensor(RED), torch.tensor(BLUE))
    return torch.cat([color * hit, hit.float()], 1).view(camera.height, camera.width, 4).numpy()


def settings(**values) -> One2345Parameters:
    return ONE2345.check({"mesh_resolution": 64, "num_inference_steps": 2, **values})


def reconstruct(views: Sequence[np.ndarray], cameras: Sequence[Camera]) -> Mesh:
    """Reconstructs views with cameras by the starter's SparseNeuS."""
    model = load_models("starter", torch.device("cpu")).sparse_neus
    return mesh_from_images(model, np.stack(views), 64, list(cameras), settings(), Progress())


def test_a_ball_is_reconstructed_from_its_views():
    views, cameras = zip(*(picture(a, e) for a, e in view_set(20)), strict=True)
    mesh = reconstruct(views, cameras)
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert radius.mean() == pytest.approx(BALL, abs=0.02)
    assert radius.std() < 0.02
    right, left = (mesh.vertex_colors[side] for side in (mesh.vertices[:, 0] > 0.1, mesh.vertices[:, 0] < -0.1))
    np.testing.assert_allclose(right[:, :3].mean(0) / 255, RED, atol=0.12)
    np.testing.assert_allclose(left[:, :3].mean(0) / 255, BLUE, atol=0.12)


def test_a_checkered_head_is_reconstructed_without_holes():
    """Four balls with a pattern that no training mesh has; weights that training went on with for long broke it."""
    head = [((0, 0, 0.05), 0.28), ((-0.3, 0, 0.05), 0.12), ((0.3, 0, 0.05), 0.12), ((0, -0.1, -0.22), 0.14)]
    cameras = [Camera(orbit(a, e, RADIUS), FOV_DEG, 64, 64) for a, e in view_set(20)]
    views = [see(head, camera, lambda points: (4 * points).floor().sum(1) % 2 == 0) for camera in cameras]
    mesh = reconstruct(views, cameras)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 101)] * 3), -1)
    inside = np.any([np.linalg.norm(grid - middle, axis=-1) < radius for middle, radius in head], axis=0)
    assert mesh.volume == pytest.approx(inside.sum() * 0.01**3, rel=0.1)


def test_scene_scale_and_place_come_from_the_cameras():
    """Cameras twice as far away and moved give the mesh twice as large and moved."""
    views, cameras = zip(*(picture(a, e) for a, e in view_set(20)), strict=True)
    moved = [Camera(c.cam_to_world.clone(), FOV_DEG, 64, 64) for c in cameras]
    shift = torch.tensor([1.0, 2.0, 3.0])
    for camera in moved:
        camera.cam_to_world[:3, 3] = 2 * camera.cam_to_world[:3, 3] + shift
    mesh = reconstruct(views, moved)
    radius = np.linalg.norm(mesh.vertices - shift.numpy(), axis=1)
    assert radius.mean() == pytest.approx(2 * BALL, abs=0.04)


def test_one_image_gives_one_red_object_and_a_seed_repeats_it():
    image, _ = picture(90, 15, 200)  # from +X: all red
    first, again, other = (
        one2345.run(Request("one2345", {"image": image}, settings(), seed), Progress()) for seed in (1, 1, 2)
    )
    np.testing.assert_allclose(first.mesh.vertices, again.mesh.vertices, atol=1e-5)  # threads may add in another order
    np.testing.assert_allclose(first.views, again.views, atol=1)
    assert np.abs(first.views.astype(int) - other.views).max() > 10
    red, green, blue = first.mesh.vertex_colors[:, :3].mean(0)
    assert red > 1.5 * max(green, blue)
    assert np.abs(first.mesh.vertices).max() < 0.55
    extent = np.ptp(first.mesh.vertices, axis=0)
    assert extent.max() < 1.8 * extent.min()  # a ball, not a slab
    assert first.views.shape == (32, 64, 64, 4)


def test_the_mesh_has_the_images_outline_and_front_colours():
    image = np.zeros((200, 200, 4), np.float32)
    image[20:180, 40:80] = image[140:180, 40:160] = (1, 0, 0, 1)  # an L, red at the left and blue at the right
    image[140:180, 100:160, :3] = (0, 0, 1)
    result = one2345.run(Request("one2345", {"image": image}, settings(), 0), Progress())
    camera = Camera(orbit(0, result.facts["elevation_deg"], RADIUS), FOV_DEG, 256, 256)
    seen, shown = (frame(p, 96)[0] for p in (render_mesh(result.mesh, camera).numpy(), image))
    a, b = seen[..., 3] > 0.5, shown[..., 3] > 0.5
    assert (a & b).sum() > 0.85 * (a | b).sum()
    assert np.abs(seen - shown)[a & b].mean() < 0.1


def test_a_novel_view_from_the_same_side_shows_the_ball():
    image, _ = picture(90, 15, 200)
    parameters = NOVEL_VIEW.check({"num_inference_steps": 2})
    request = Request("novel_view", {"image": image, "angles": [(0.0, None)]}, parameters, 1)
    view = novel_view.run(request, Progress()).images[0] / 255
    assert view[28:36, 28:36, 0].mean() > 1.5 * view[28:36, 28:36, 1:3].mean()
    assert view[:4, :4, :3].mean() > 0.9  # white corners


def test_every_stage_can_be_cancelled():
    image, _ = picture(90, 15, 200)
    for stage in one2345.STAGES:
        seen: list[str] = []
        progress = Progress(
            on_progress=lambda p, seen=seen: seen.append(p.stage),
            is_cancelled=lambda seen=seen, stage=stage: stage in seen,
        )
        with pytest.raises(Cancelled):
            one2345.run(Request("one2345", {"image": image}, settings(), 0), progress)
        assert seen[-1] == stage


@pytest.mark.parametrize("damage", ["missing", "truncated", "shape"])
def test_bad_weights_raise_a_weights_error(damage, tmp_path):
    shutil.copytree(STARTER, tmp_path / "weights")
    file = tmp_path / "weights" / "sparse_neus.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        state = load_file(file)
        state["sdf_network_lod0.sdf_layer.lin0.bias"] = torch.zeros(5)
        save_file(state, file)
    with pytest.raises(WeightsError) as caught:
        load_models(str(tmp_path / "weights"), torch.device("cpu"))
    assert str(tmp_path) in str(caught.value)
    assert caught.value.remedy
