# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of points that views show, on real meshes, against a caster of rays that knows nothing of depth maps.

tests/data/visibility_meshes.npz: a lamp table (KayKit), a fence (Quaternius) and a cushioned bench (Kenney), all CC0.
"""

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from backend.evaluation.metrics import sample_surface
from backend.rendering.cameras import Camera, orbit, project
from backend.rendering.mesh import Mesh
from backend.rendering.point_cloud import View, back_project, build_point_cloud, dilate, is_visible, reliable_views
from backend.rendering.rasteriser import rasterise
from tests.support import DATA

SIZE, FOV, DISTANCE = 128, 24.0, 2.6
PIXEL = DISTANCE * 2 * np.tan(np.radians(FOV / 2)) / SIZE  # a pixel's height at the object
ANGLES = [(0, 15), (50, 0), (-50, 30), (180, 15)]


def load(number: int) -> Mesh:
    with np.load(DATA / "visibility_meshes.npz") as data:
        return Mesh(data[f"vertices_{number}"], data[f"faces_{number}"])


def look(mesh: Mesh, angles: tuple[float, float], color: float = 0.5) -> View:
    camera = Camera(orbit(*angles, DISTANCE), FOV, SIZE, SIZE)
    raster = rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), camera)
    return View(camera, torch.full((SIZE, SIZE, 3), color), raster.depth, raster.face >= 0)


def first_hit(mesh: Mesh, start: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where on the way from `start` (3,) to points (N, 3) the first face is hit: (N,), 1 at the point itself, infinite
    for none (Moller and Trumbore 1997)."""
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    first = np.full(len(points), np.inf)
    for lot in np.array_split(np.arange(len(points)), max(1, len(points) // 500)):
        way = (points[lot] - start)[:, None]
        p = np.cross(way, (c - a)[None])
        volume = ((b - a) * p).sum(-1)
        u = ((start - a) * p).sum(-1) / np.where(volume == 0, np.nan, volume)
        q = np.cross(start - a, b - a)
        v = (way * q).sum(-1) / np.where(volume == 0, np.nan, volume)
        t = ((c - a) * q).sum(-1) / np.where(volume == 0, np.nan, volume)
        hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 1e-9)
        first[lot] = np.where(hit, t, np.inf).min(1)
    return first


@pytest.mark.parametrize("number", range(3))
def test_visible_points_are_those_that_rays_reach(number):
    """Rays and depth maps agree but at outlines and where a surface hides another one by less than three pixels."""
    mesh = load(number)
    points = sample_surface(mesh, 500, 0)
    for angles in ANGLES[::2]:
        view = look(mesh, angles)
        start = view.camera.position.numpy().astype(np.float64)
        first = first_hit(mesh, start, points)
        told = is_visible(view, torch.from_numpy(points).float()).numpy()
        reached = first > 1 - 1e-6
        gap = (1 - first) * np.linalg.norm(points - start, axis=1)
        clear = reached | (gap > 3 * PIXEL)
        pixel, _ = project(view.camera, torch.from_numpy(points).float())
        column, row = pixel.long().clamp(0, SIZE - 1).unbind(1)
        rim = (dilate(~view.mask, 1)[row, column] | dilate(edges(view), 2)[row, column]).numpy()
        assert (clear & ~rim).mean() > 0.3 and 0.1 < reached.mean() < 0.9
        assert (told == reached)[clear & ~rim].mean() > 0.985, angles
        assert (told == reached)[clear].mean() > 0.9, angles


def edges(view: View) -> torch.Tensor:
    """Where the depth jumps, by numpy."""
    depth = np.where(view.mask, view.depth, 9.0)
    jump = np.maximum(np.abs(np.diff(depth, axis=0, prepend=depth[:1])), np.abs(np.diff(depth, prepend=depth[:, :1])))
    return torch.from_numpy(jump > 4 * PIXEL)


@pytest.mark.parametrize("number", range(3))
def test_pixels_become_points_of_the_surface(number):
    mesh = load(number)
    view = look(mesh, (30, 10))
    points = back_project(view)
    assert len(points) == int(view.mask.sum()) > 1000
    start = view.camera.position.numpy().astype(np.float64)
    assert first_hit(mesh, start, points.numpy().astype(np.float64)[::61]) == pytest.approx(1.0, abs=1e-4)
    pixel, depth = project(view.camera, points)
    rows, columns = view.mask.nonzero(as_tuple=True)
    torch.testing.assert_close(pixel, torch.stack([columns, rows], 1) + 0.5, atol=2e-3, rtol=0)
    torch.testing.assert_close(depth, view.depth[view.mask])


@pytest.mark.parametrize("number", range(3))
def test_every_view_adds_only_points_that_no_earlier_view_shows(number):
    """By rays: what a view adds is hidden from, or at the rim of, every earlier one; together they hold all."""
    mesh = load(number)
    views = [look(mesh, angles, n / 10) for n, angles in enumerate(ANGLES)]
    cloud = build_point_cloud(views)
    counts = torch.bincount(cloud.view, minlength=len(views)).tolist()
    assert min(counts) > 0 and counts[0] == cloud.reference_count > 500
    torch.testing.assert_close(cloud.colors, (cloud.view[:, None] / 10).expand(-1, 3))
    good = list(reliable_views(views))
    for later in range(1, len(views)):
        added = cloud.points[cloud.view == later][::9]
        for earlier in good[:later]:
            start = earlier.camera.position.numpy().astype(np.float64)
            reached = first_hit(mesh, start, added.numpy().astype(np.float64)) > 1 - 1e-3
            pixel, _ = project(earlier.camera, added)
            column, row = pixel.long().clamp(0, SIZE - 1).unbind(1)
            known = ~dilate(~earlier.mask, 1)[row, column].numpy()
            assert (reached & known).mean() < 0.01, (later, earlier.camera)
    surface = sample_surface(mesh, 500, 1)
    starts = [view.camera.position.numpy().astype(np.float64) for view in views]
    shown = np.any([first_hit(mesh, start, surface) > 1 - 1e-6 for start in starts], 0)
    assert (KDTree(cloud.points.numpy()).query(surface[shown])[0] < 3 * PIXEL).mean() > 0.93


def test_the_silhouettes_margin_and_depth_edges_are_masked_out():
    """A near square before a far one, with a column of mixed depth between: it goes, and the rim with it."""
    camera = Camera(orbit(0, 0, 2.0), 30, 40, 40)
    depth = torch.full((40, 40), 2.0)
    depth[:, 20:], depth[:, 20] = 1.0, 1.5
    mask = torch.zeros(40, 40).bool()
    mask[5:35, 5:35] = True
    reference, other = reliable_views([View(camera, torch.zeros(40, 40, 3), depth.where(mask, torch.inf), mask)] * 2)
    assert not other.mask[:, 19:22].any() and not reference.mask[:, 19:22].any()
    assert other.mask[6:34, 6:19].all() and other.mask[6:34, 22:34].all() and not other.mask[5].any()
    assert reference.mask[7:33, 7:19].all() and not reference.mask[6].any()


def test_a_second_view_from_the_same_camera_adds_only_its_wider_rim():
    mesh = load(0)
    views = [look(mesh, (0, 15)), look(mesh, (0, 15))]
    cloud = build_point_cloud(views)
    reference, other = reliable_views(views)
    assert len(cloud.points) == int((reference.mask | other.mask).sum())
