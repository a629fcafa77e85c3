# SPDX-License-Identifier: GPL-3.0-or-later
"""The outline of a reconstruction made that of the picture, on shapes of closed form."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.input_view.input_view import InputView
from backend.input_view.outline import match_silhouette
from backend.input_view.outline_maps import breadth, made_visible, signed_distance
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit, pixel_centres, project
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise

FOV, RADIUS, SIZE = 49.1, 1.2, 256
CAMERA = Camera(orbit(0, 20, RADIUS), FOV, SIZE, SIZE)
CELLS = 96
CELL = 1 / CELLS
PIXEL = RADIUS / CAMERA.focal  # in the middle of the object
BALL = 0.3
RIM = CAMERA.focal * np.tan(np.arcsin(BALL / RADIUS))  # pixels; radius of the ball's silhouette


def ball(points: Tensor) -> Tensor:
    return points.norm(dim=1) - BALL


def outlined(mask: Tensor) -> InputView:
    return InputView(torch.cat([torch.ones(SIZE, SIZE, 3), mask[..., None].float()], -1), CAMERA)


def from_centre() -> tuple[Tensor, Tensor]:
    """Columns and rows (SIZE, SIZE) from the middle of the picture."""
    x, y = (pixel_centres(CAMERA) - SIZE / 2).view(SIZE, SIZE, 2).unbind(-1)
    return x, y


def disc(radius: float) -> Tensor:
    x, y = from_centre()
    return x.square() + y.square() < radius**2


def fitted(mask: Tensor, field: Callable[[Tensor], Tensor] = ball) -> Mesh:
    return Mesh(*extract(match_silhouette(field, outlined(mask), 0.5, CELL), CELLS, (-0.5, 0.5)))


def seen(mesh: Mesh) -> Tensor:
    return rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), CAMERA).face >= 0


def euler(mesh: Mesh) -> int:
    edges = np.unique(np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1), axis=0)
    return len(np.unique(mesh.faces)) - len(edges) + len(mesh.faces)


def bends(mesh: Mesh) -> np.ndarray:
    """Angles in degrees between the faces on both sides of every edge of a closed mesh."""
    a, b, c = mesh.vertices[mesh.faces].astype(float).transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    large = np.linalg.norm(normals, axis=1) > 0.1 * CELL**2  # the normals of slivers are rounding errors
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-12)
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    owner = np.repeat(np.arange(len(mesh.faces)), 3)[np.lexsort(edges.T)].reshape(-1, 2)
    owner = owner[large[owner].all(1)]
    return np.degrees(np.arccos(np.clip((normals[owner[:, 0]] * normals[owner[:, 1]]).sum(1), -1, 1)))


def test_an_outline_that_the_model_has_leaves_it_as_it_is():
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 0.8 - 0.4
    points = points[(points.norm(dim=1) - BALL).abs() < 0.02]
    field = match_silhouette(ball, outlined(disc(RIM)), 0.5, CELL)(points)
    assert float((field - ball(points)).abs().max()) < 0.2 * CELL
    assert fitted(disc(RIM)).volume == pytest.approx(4 / 3 * np.pi * BALL**3, rel=0.01)


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.15])
def test_a_ball_takes_the_outline_of_an_ellipse_without_a_ridge(scale):
    x, y = from_centre()
    mesh = fitted((x / (RIM * scale * 1.1)).square() + (y / (RIM * scale / 1.1)).square() < 1)
    pixel, _ = project(CAMERA, torch.from_numpy(mesh.vertices))
    across = (pixel - SIZE / 2) / torch.tensor([RIM * scale * 1.1, RIM * scale / 1.1])
    turn = torch.atan2(across[:, 1], across[:, 0])
    for sector in torch.linspace(-3.1, 3.1, 32):
        far = across[(turn - sector).abs() < 0.1].norm(dim=1).max()
        assert abs(float(far) - 1) * RIM * scale * PIXEL < 0.4 * CELL
    assert mesh.is_closed and euler(mesh) == 2
    assert bends(mesh).max() < 55  # a plain cut, and sheets where the model misses, would bend it by 140 and more


def test_a_field_that_is_a_multiple_of_the_distance_comes_to_the_same():
    mask = disc(RIM * 1.1)
    plain, faint = fitted(mask), fitted(mask, lambda points: 0.2 * ball(points))
    assert faint.volume == pytest.approx(plain.volume, rel=0.005)


def test_a_ring_cuts_one_clean_hole_through_a_ball():
    mesh = fitted(disc(RIM) & ~disc(RIM / 2))
    assert mesh.is_closed and euler(mesh) == 0
    pixel, _ = project(CAMERA, torch.from_numpy(mesh.vertices))
    nearest = float((pixel - SIZE / 2).norm(dim=1).min())
    assert abs(nearest - RIM / 2) * PIXEL < 0.5 * CELL
    assert bends(mesh).max() < 60


def test_a_missing_part_becomes_a_round_bar_at_the_depth_of_the_body():
    x, y = from_centre()
    half = 10  # pixels
    mesh = fitted(disc(RIM) | ((y.abs() < half) & (x > 0) & (x < RIM + 40)))
    assert mesh.is_closed and euler(mesh) == 2
    pixel, depth = project(CAMERA, torch.from_numpy(mesh.vertices))
    section = depth[(pixel[:, 0] - SIZE / 2 - RIM - 15).abs() < 2]
    width = half * PIXEL * float(section.mean()) / RADIUS
    assert float(section.max() - section.min()) / 2 == pytest.approx(width, abs=0.5 * CELL)
    nearest = RADIUS / (1 + ((RIM + 15) / CAMERA.focal) ** 2)  # of a ray to the ball's middle
    assert abs(float(section.max() + section.min()) / 2 - nearest) < 0.03
    assert seen(mesh)[SIZE // 2, SIZE // 2 : round(SIZE / 2 + RIM + 37)].all()


def test_parts_thinner_than_cells_are_widened_and_holes_as_small_are_filled():
    mask = np.zeros((100, 100), bool)
    mask[20:70, 20:60] = True
    mask[30:32, 30:32] = mask[45:55, 35:45] = False  # a pinhole, and a hole
    mask[40, 60:90] = True  # a line of one pixel
    visible = made_visible(mask, 3.0)
    assert visible[30:32, 30:32].all() and not visible[46:54, 36:44].any()
    assert (visible[:, 75].sum(), visible[:, 90:].any(1).sum()) == (7, 5)
    assert (visible[:, :57] == mask[:, :57])[35:].all() and not visible[:20].any()


def test_distances_and_breadths_of_a_strip():
    rows = np.abs(np.arange(100) + 0.5 - 50)
    mask = np.repeat((rows < 20)[:, None], 60, 1)
    distance = signed_distance(mask)
    np.testing.assert_allclose(
        distance[5:-5][rows[5:-5] > 5], (rows - 20)[5:-5][rows[5:-5] > 5][:, None].repeat(60, 1), atol=0.05
    )
    np.testing.assert_allclose(breadth(distance, 40)[10:-10], 20, atol=1)
    np.testing.assert_allclose(breadth(distance, 8)[30:-30], 8)
