# SPDX-License-Identifier: GPL-3.0-or-later
"""A reconstruction made true to the input picture: outline and front colours, on shapes of closed form."""

import numpy as np
import pytest
import torch

from backend.input_view.input_view import InputView, match_silhouette, paint_front
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit, pixel_centres, project
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise

FOV, RADIUS, SIZE = 49.1, 1.2, 128
CAMERA = Camera(orbit(0, 20, RADIUS), FOV, SIZE, SIZE)


def ball(points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=1) - 0.3


def to_mesh(field) -> Mesh:
    vertices, faces = extract(field, 96, (-0.5, 0.5))
    return Mesh(vertices, faces)


def seen(mesh: Mesh) -> torch.Tensor:
    return rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), CAMERA).face >= 0


def overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a & b).sum() / (a | b).sum())


def outlined(mask: torch.Tensor) -> InputView:
    return InputView(torch.cat([torch.ones(SIZE, SIZE, 3), mask[..., None].float()], -1), CAMERA)


def disc(radius: float) -> torch.Tensor:
    """Pixels within `radius` pixels of the middle."""
    return ((pixel_centres(CAMERA) - SIZE / 2).norm(dim=1) < radius).view(SIZE, SIZE)


def test_the_silhouette_cuts_the_field_as_a_cone():
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) * 0.8 - 0.4
    pixel, depth = project(CAMERA, points)
    cone = ((pixel - SIZE / 2).norm(dim=1) - 20) * depth / CAMERA.focal
    field = match_silhouette(ball, outlined(disc(20)), 0.5)(points)
    shown, one_pixel = ((pixel > 0) & (pixel < SIZE)).all(1), 1.6 / CAMERA.focal
    torch.testing.assert_close(field[shown], torch.maximum(ball(points), cone)[shown], atol=one_pixel, rtol=0)
    assert (field[~shown] > 0).all()


def test_a_silhouette_that_the_field_already_has_changes_nothing():
    mask = seen(to_mesh(ball))
    changed = to_mesh(match_silhouette(ball, outlined(mask), 0.5))
    assert changed.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.03)


def test_missing_parts_of_the_silhouette_are_added_where_the_field_is_least():
    mask = seen(to_mesh(ball))
    mask[60:68, 100:124] = True  # a bar from the ball to the right
    before, after = to_mesh(ball), to_mesh(match_silhouette(ball, outlined(mask), 0.5))
    assert overlap(seen(before), mask) < 0.96
    assert overlap(seen(after), mask) > 0.98
    right = after.vertices[after.vertices[:, 0] > 0.35]
    pixel, depth = project(CAMERA, torch.from_numpy(right))
    nearest = 1.2 / (1 + ((pixel - SIZE / 2) / CAMERA.focal).square().sum(1))  # of a ray to the ball's middle
    assert abs(float((depth - nearest).mean())) < 0.03


def test_a_framed_view_magnifies_about_the_centre():
    picture = InputView.from_framed(torch.ones(64, 64, 4), CAMERA.cam_to_world, FOV, zoom=2.0)
    points = torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.0, 0.05]])
    whole = project(Camera(CAMERA.cam_to_world, FOV, 64, 64), points)[0] - 32
    torch.testing.assert_close(project(picture.camera, points)[0] - 32, 2 * whole)


def test_only_the_visible_front_is_painted():
    half = torch.zeros(SIZE, SIZE, 4)
    half[:, : SIZE // 2] = torch.tensor([1.0, 0, 0, 1])
    half[:, SIZE // 2 :] = torch.tensor([0, 0, 1.0, 1])
    near = to_mesh(ball)
    far = near.vertices * 0.5 - (CAMERA.position / 1.2 * 0.5).numpy()  # a smaller ball behind it
    both = Mesh(np.concatenate([near.vertices, far]), np.concatenate([near.faces, near.faces + len(far)]))
    both.vertex_colors[:, :3] = (0, 255, 0)
    colors = paint_front(both, InputView(half, CAMERA)).vertex_colors[:, :3]
    front = near.vertices @ CAMERA.position.numpy() / 1.2 / 0.3  # cosine at the ball's centre
    left, right = near.vertices[:, 0] < -0.02, near.vertices[:, 0] > 0.02
    first, second = colors[: len(far)], colors[len(far) :]
    assert (first[(front > 0.75) & left] == (255, 0, 0)).all()
    assert (first[(front > 0.75) & right] == (0, 0, 255)).all()
    assert (first[front < 0.2] == (0, 255, 0)).all()
    assert (second == (0, 255, 0)).all()


def test_the_silhouettes_rim_takes_no_background_colour():
    picture = torch.zeros(SIZE, SIZE, 4)
    picture[disc(37)] = torch.tensor([1.0, 1, 1, 1])  # transparent pixels are black
    mesh = to_mesh(ball)
    colors = paint_front(mesh, InputView(picture, CAMERA)).vertex_colors
    assert colors.min() == 255
