# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that a camera sees, on a ball, a plate before a wall and a wall with a step."""

import numpy as np
import torch

from backend.input_view.visibility import FACING, MARGIN, SIZE, Visibility, ramp
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh

CAMERA = Camera(orbit(0, 0, 1.2), 49.1, 64, 64)
FOCAL = SIZE / 2 / np.tan(np.radians(49.1 / 2))


def ball() -> Mesh:
    return Mesh(*extract(lambda p: p.norm(dim=1) - 0.3, 128, (-0.5, 0.5)))


def wall(depth, half: float = 0.3, count: int = 121) -> Mesh:
    """A sheet that faces the camera, at y = depth(x)."""
    x, z = np.meshgrid(np.linspace(-half, half, count), np.linspace(-half, half, count), indexing="ij")
    a = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + count, a + 1], 1), np.stack([a + 1, a + count, a + count + 1], 1)])
    return Mesh(np.stack([x.ravel(), depth(x.ravel()), z.ravel()], 1), faces)


def shares(mesh: Mesh, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    visibility = Visibility.of(mesh, CAMERA)
    return visibility.at(*(torch.from_numpy(np.asarray(x, np.float32)) for x in (points, normals))).numpy()


def test_shares_on_a_ball_fall_with_the_angle():
    mesh = ball()
    normals = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    to_camera = CAMERA.position.numpy() - mesh.vertices
    cosine = (normals * to_camera).sum(1) / np.linalg.norm(to_camera, axis=1)
    share = shares(mesh, mesh.vertices, normals)
    np.testing.assert_allclose(share[cosine > FACING[1] + 0.15], 1, atol=1e-6)
    assert (share[cosine < 0] == 0).all()
    between = np.abs(cosine - sum(FACING) / 2) < 0.02
    assert 0.2 < share[between].mean() < 0.8


def test_points_behind_others_are_hidden():
    """A plate of 0.2 x 0.2 at y = -0.2 hides the points of the wall at y = 0.1 within its shadow, 1.3 times as wide."""
    plate, back = wall(lambda x: 0 * x - 0.2, 0.1, 41), wall(lambda x: 0 * x + 0.1)
    both = Mesh(
        np.concatenate([plate.vertices, back.vertices]), np.concatenate([plate.faces, back.faces + len(plate.vertices)])
    )
    share = shares(both, back.vertices, np.tile([0, -1, 0], (len(back.vertices), 1)))
    across = np.abs(back.vertices[:, [0, 2]]).max(1)
    shadow, pixel = 0.1 * 1.3 / 1.0, 1.3 / FOCAL
    assert (share[across < shadow - pixel] == 0).all()
    middle = np.abs(back.vertices[:, [0, 2]]).min(1) < 0.1  # away from the corners, nothing of the plate's edge either
    assert (share[middle & (across < shadow + pixel / 2)] < 0.02).all()
    full = shadow + (MARGIN * SIZE + 4) * pixel
    np.testing.assert_allclose(share[(across > full) & (across < 0.29)], 1, atol=1e-6)
    front = shares(both, plate.vertices, np.tile([0, -1, 0], (len(plate.vertices), 1)))
    inner = np.abs(plate.vertices[:, [0, 2]]).max(1) < 0.1 - 3 * pixel
    np.testing.assert_allclose(front[inner], 1, atol=1e-6)  # it shows up to its edge


def test_triangles_stretched_over_a_step_are_not_seen():
    """A single row of triangles goes back from y = -0.1 to 0.1: its vertices' mean normals do not tell."""
    mesh = wall(lambda x: np.where(x > 0.001, 0.1, -0.1), count=61)
    middle = np.array([[0.005, 0.0, 0.0]])
    assert shares(mesh, middle, np.array([[0.4, -0.9, 0.0]])) < 0.02
    sides = np.array([[-0.05, -0.1, 0.0], [0.1, 0.1, 0.0]])
    np.testing.assert_allclose(shares(mesh, sides, np.tile([0, -1, 0], (2, 1))), 1, atol=1e-6)


def test_a_steep_wall_is_no_step_and_hides_nothing_of_itself():
    """At 70 degrees to the view, cosine 0.34."""
    mesh = wall(lambda x: np.tan(np.radians(70)) * x, 0.12)
    normal = np.array([np.sin(np.radians(70)), -np.cos(np.radians(70)), 0])
    inner = mesh.vertices[np.abs(mesh.vertices[:, [0, 2]]).max(1) < 0.08]
    cosine = ((CAMERA.position.numpy() - inner) @ normal) / np.linalg.norm(CAMERA.position.numpy() - inner, axis=1)
    share = shares(mesh, inner, np.tile(normal, (len(inner), 1)))
    expected = ramp(torch.from_numpy(cosine), *FACING).numpy()
    np.testing.assert_allclose(share, expected, atol=0.12)


def test_points_outside_the_image_and_behind_the_camera_are_not_seen():
    mesh = ball()
    assert (shares(mesh, np.array([[3.0, 0, 0], [0, -5.0, 0]]), np.array([[0, -1.0, 0]] * 2)) == 0).all()
