# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera that nobody knows is found by the outline."""

import numpy as np
import pytest
import torch

from backend.input_view.match_view import match_view
from backend.interface.view_set import RADIUS
from backend.meshing.marching_cubes import extract
from backend.rendering.cameras import Camera, orbit, project
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh


def toy(points: torch.Tensor) -> torch.Tensor:
    """A tall body with a long foot in front, so that its outline tells from how far above it is seen."""
    body = (points / torch.tensor([0.6, 0.7, 1.0])).norm(dim=1) * 0.6 - 0.25
    foot = torch.maximum(
        (points[:, 1] + 0.25).abs() - 0.2, (points[:, [0, 2]] - torch.tensor([0, -0.3])).norm(dim=1) - 0.08
    )
    return torch.minimum(body, foot)


SHAPE = Mesh(*extract(toy, 48, (-0.5, 0.5)))


@pytest.mark.parametrize("elevation", [-8.0, 12.0, 33.0])
def test_the_camera_of_a_cropped_picture_is_found(elevation):
    """Every vertex lies in the found view where it lies in the picture, within two of 360 pixels."""
    whole = Camera(orbit(0, elevation, RADIUS), 76.0, 360, 360)
    rgba = render_mesh(SHAPE, whole).numpy()[20:330, 35:340]
    view, camera = match_view(SHAPE, rgba)
    assert view is not None and camera["iou"] > 0.97
    assert camera["elevation_deg"] == pytest.approx(elevation, abs=4)
    points = torch.from_numpy(SHAPE.vertices)
    true = (project(whole, points)[0].numpy() - [35, 20]) @ np.diag([1 / 305, 1 / 310])
    index = np.stack(np.meshgrid((np.arange(305) + 0.5) / 305, (np.arange(310) + 0.5) / 310), -1)
    assert view.detailed is not None
    marked, _ = match_view(SHAPE, np.concatenate([index, 0 * rgba[..., :1], rgba[..., 3:]], 2).astype(np.float32))
    assert marked is not None and marked.detailed is not None  # colours are places in the picture
    seen = marked.sample(marked.detailed, points)[0].numpy()
    inside = seen[:, 3] > 0.999
    assert inside.mean() > 0.8
    assert np.abs(seen[inside, :2] - true[inside]).mean() < 2 / 305


def test_a_picture_of_something_else_has_no_view():
    rgba = np.zeros((100, 100, 4), np.float32)
    rgba[::2, 10:90] = 1
    rgba[10:90, 10:20] = 1
    view, camera = match_view(SHAPE, rgba)
    assert view is None and camera["iou"] < 0.85


def test_an_empty_mesh_has_no_view():
    assert match_view(Mesh(np.zeros((0, 3)), np.zeros((0, 3))), np.ones((20, 20, 4), np.float32)) == (None, {})
