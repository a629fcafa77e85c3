# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics by azimuth from images of known difference, and a mesh under its picture."""

from pathlib import Path

import numpy as np
import pytest
import torch

from backend.evaluation import view_metrics
from backend.evaluation.metrics import psnr
from backend.evaluation.view_metrics import ALL, AZIMUTHS, SIDES, compare_views, draw_sides, picture_psnr, under_picture
from backend.input_view.match_camera import match_camera
from backend.rendering.cameras import Camera, orbit, project
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.training.lpips import weights


@pytest.fixture
def without_lpips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path))


@pytest.mark.usefixtures("without_lpips")
def test_both_signs_of_an_azimuth_are_averaged():
    """Grey images that differ from the truth by an error for each azimuth: its PSNR is -20 log10 of it."""
    assert set(ALL) == {0, 30, 45, 60, 90, 135, 180, 225, 270, 300, 315, 330}
    errors = {azimuth: 0.01 + azimuth / 1000 for azimuth in ALL}
    truth = {azimuth: np.full((16, 16, 3), 0.2) for azimuth in ALL}
    images = {azimuth: truth[azimuth] + error for azimuth, error in errors.items()}
    found = compare_views(images, truth)
    for azimuth, other in {0: 0, 30: 330, 60: 300, 90: 270, 180: 180}.items():
        expected = -10 * (np.log10(errors[azimuth]) + np.log10(errors[other]))
        assert found[f"psnr_{azimuth}"] == pytest.approx(expected)
    means = {a: (2 * 0.2 * (0.2 + e) + 1e-4) / (0.2**2 + (0.2 + e) ** 2 + 1e-4) for a, e in errors.items()}
    assert found["ssim_60"] == pytest.approx((means[60] + means[300]) / 2)  # flat images differ in their means alone
    assert found["ssim_sides"] == pytest.approx(np.mean([means[azimuth] for azimuth in SIDES]))
    assert not [name for name in found if "lpips" in name]


def test_lpips_is_measured_where_its_weights_are(monkeypatch: pytest.MonkeyPatch):
    """A distance that is the mean difference stands for the network."""
    monkeypatch.setattr(weights, "is_there", lambda _: True)
    monkeypatch.setattr(weights, "load", lambda _: lambda a, b: (a - b).abs().mean((1, 2, 3)))
    truth = {azimuth: np.zeros((16, 16, 3)) for azimuth in ALL}
    found = compare_views({azimuth: image + azimuth / 360 for azimuth, image in truth.items()}, truth)
    assert [found[f"lpips_{a}"] for a in AZIMUTHS] == pytest.approx([0, 0.5, 0.5, 0.5, 0.5])
    assert found["lpips_sides"] == pytest.approx(np.mean(SIDES) / 360)


def test_sides_are_drawn_at_the_pictures_height_on_white(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(view_metrics, "SIZE", 8)
    asked = []

    def draw(azimuth: float, elevation: float, size: int) -> np.ndarray:
        asked.append((azimuth, elevation, size))
        return np.full((size, size, 4), [0, 0, 0, azimuth / 360], np.float32)

    sides = draw_sides(draw, 12.5)
    assert asked == [(azimuth, 12.5, 8) for azimuth in ALL]
    for azimuth, image in sides.items():
        np.testing.assert_allclose(image, 1 - azimuth / 360, atol=1e-6)


def ball() -> Mesh:
    """A coloured ellipsoid, off its centre."""
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 49)[:-1], np.linspace(0, np.pi, 25), indexing="ij")
    unit = np.stack([np.cos(a) * np.sin(b), np.sin(a) * np.sin(b), np.cos(b)], -1)
    index = np.arange(48 * 25).reshape(48, 25)
    corners = index[:, :-1], np.roll(index, -1, 0)[:, :-1], np.roll(index, -1, 0)[:, 1:], index[:, 1:]
    faces = np.concatenate([np.stack([corners[i] for i in t], -1).reshape(-1, 3) for t in ((0, 2, 1), (0, 3, 2))])
    colors = np.full((48 * 25, 4), 255, np.uint8)
    colors[:, :3] = (unit.reshape(-1, 3) * 100 + 128).astype(np.uint8)
    return Mesh(unit.reshape(-1, 3) * [0.4, 0.25, 0.3] + [0.02, -0.05, 0.03], faces, colors)


def test_a_mesh_lies_under_a_picture_that_was_shifted_and_cropped():
    """A window of a larger picture, whose middle lies 10 pixels right of the axis and 20 above it."""
    mesh, pose = ball(), orbit(0, 20, 1.2)
    whole = render_mesh(mesh, Camera(pose, 75.0, 300, 300)).numpy()
    picture = whole[30:230, 60:260]
    fov = 2 * np.degrees(np.arctan(np.tan(np.radians(37.5)) * 200 / 300))
    fact = {"elevation_deg": 20.0, "radius": 1.2, "fov_deg": float(fov), "shift": [0.05, 0.1]}
    matched = match_camera(mesh, picture[..., 3], 20)
    assert picture_psnr(mesh, fact, picture) > 45
    assert picture_psnr(mesh, matched, picture) > 30  # to a pixel
    aside = dict(fact, shift=[fact["shift"][0] + 0.02, fact["shift"][1]])  # four pixels
    assert picture_psnr(mesh, aside, picture) < 28


def test_the_shear_moves_points_as_a_shifted_lens_does():
    mesh = ball()
    fact = {"elevation_deg": 20.0, "radius": 1.2, "fov_deg": 40.0, "shift": [0.1, -0.05]}
    moved, view = under_picture(mesh, fact, 200)
    plain, depth = project(Camera(orbit(0, 20, 1.2), 40.0, 200, 200), torch.from_numpy(mesh.vertices))
    shifted, same_depth = project(view, torch.from_numpy(moved.vertices))
    torch.testing.assert_close(shifted, plain + torch.tensor([-20.0, -10.0]), atol=1e-2, rtol=0)
    torch.testing.assert_close(same_depth, depth, atol=1e-5, rtol=0)


def test_equal_pictures_are_infinitely_alike():
    image = np.random.default_rng(0).random((16, 16, 3))
    assert psnr(image, image) == float("inf")
