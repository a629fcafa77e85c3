# SPDX-License-Identifier: GPL-3.0-or-later
"""The z-buffer against a ray caster (Embree) and against triangles whose picture is known."""

import numpy as np
import pytest
import torch

from backend.rendering.cameras import Camera, orbit, project, rays
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise, render_mesh

SQUARE = np.array([[-0.3, 0, -0.3], [0.3, 0, -0.3], [0.3, 0, 0.3], [-0.3, 0, 0.3]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def scattered(count=300, seed=1) -> Mesh:
    """Small triangles all over the cube, of one colour each, that hide each other and stick through each other."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-0.4, 0.4, (count, 1, 3)) + rng.normal(0, 0.12, (count, 3, 3))
    colors = np.concatenate([rng.integers(0, 256, (count, 3)), np.full((count, 1), 255)], 1).repeat(3, 0)
    return Mesh(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), colors.astype(np.uint8))


@pytest.mark.parametrize("azimuth, elevation, radius", [(20, 30, 1.5), (-130, -50, 2.5), (90, 90, 1.9)])
def test_faces_and_depths_equal_the_ray_casters(azimuth, elevation, radius):
    embree = pytest.importorskip("embreex.rtcore_scene")
    from embreex.mesh_construction import TriangleMesh

    mesh = scattered()
    camera = Camera(orbit(azimuth, elevation, radius), 45, 70, 50)
    raster = rasterise(torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long(), camera)
    scene = embree.EmbreeScene()
    TriangleMesh(scene, mesh.vertices[mesh.faces])
    origins, directions = (np.ascontiguousarray(r.numpy()) for r in rays(camera))
    hits = scene.run(origins, directions, query="INTERSECT", output=True)
    face, distance = hits["primID"].reshape(50, 70), torch.from_numpy(hits["tfar"]).view(50, 70)
    assert (raster.face.numpy() == face).mean() > 0.999  # an edge may fall to either side
    both = (raster.face >= 0) & torch.from_numpy(face >= 0)
    along = -(torch.from_numpy(directions) @ camera.cam_to_world[:3, 2]).view(50, 70)
    assert (raster.depth - distance * along)[both].abs().quantile(0.99) < 1e-4


def test_barycentric_weights_give_the_visible_point():
    mesh, camera = scattered(), Camera(orbit(50, 10, 1.6), 40, 40, 40)
    vertices, faces = torch.from_numpy(mesh.vertices), torch.from_numpy(mesh.faces).long()
    raster = rasterise(vertices, faces, camera)
    seen = raster.face >= 0
    points = (vertices[faces[raster.face[seen]]] * raster.corner[seen][..., None]).sum(-2)
    pixels, depth = project(camera, points)
    rows, columns = torch.nonzero(seen).unbind(-1)
    torch.testing.assert_close(pixels, torch.stack([columns, rows], -1) + 0.5, atol=2e-3, rtol=0)
    torch.testing.assert_close(depth, raster.depth[seen], atol=1e-4, rtol=1e-4)
    assert raster.depth[~seen].isinf().all() and (raster.face[~seen] == -1).all()


def test_two_triangles_share_their_edge_without_gap_or_overlap():
    camera = Camera(orbit(0, 0, 2.0), 2 * np.degrees(np.arctan(0.25)), 64, 64)  # half a unit is 32 pixels
    raster = rasterise(torch.from_numpy(SQUARE), torch.from_numpy(FACES).long(), camera)
    expected = torch.zeros(64, 64, dtype=torch.bool)
    inside = (torch.arange(64) + 0.5 - 32).abs() < 0.3 * 64
    expected[inside[:, None] & inside[None]] = True
    assert torch.equal(raster.face >= 0, expected)
    torch.testing.assert_close(raster.depth[expected], torch.full((int(expected.sum()),), 2.0))


def test_interpolation_is_perspective_correct():
    """A square lying on the ground, seen at a slant: its middle shows the mean colour, though not in mid-picture."""
    ground = SQUARE[:, [0, 2, 1]] * np.float32(1.5)
    colors = np.array([[0, 0, 0, 255], [0, 0, 0, 255], [200, 0, 0, 255], [200, 0, 0, 255]], np.uint8)
    camera = Camera(orbit(0, 30, 1.5), 50, 101, 101)
    image = render_mesh(Mesh(ground, FACES, colors), camera, samples=1)
    assert image[50, 50, 0].item() == pytest.approx(100 / 255, abs=0.01)
    edge = project(camera, torch.from_numpy(ground))[0]
    assert abs((edge[0, 1] + edge[2, 1]).item() / 2 - 50.5) > 3


def test_a_pixel_half_covered_is_half_transparent_in_the_faces_own_colour():
    left = SQUARE - np.array([0.3, 0, 0], np.float32)  # from -0.6 to 0: ends on the middle column
    colors = np.full((4, 4), 255, np.uint8) * np.array([1, 0, 0, 1], np.uint8)
    camera = Camera(orbit(0, 0, 2.0), 40, 31, 31)
    image = render_mesh(Mesh(left, FACES, colors), camera, samples=2)
    assert image[15, 15].tolist() == pytest.approx([1, 0, 0, 0.5])
    assert image[15, 14, 3] == 1 and image[15, 16].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "vertices", [SQUARE[:, [1, 0, 2]], SQUARE + np.array([0, -3, 0], np.float32)], ids=["edge-on", "behind"]
)
def test_faces_edge_on_or_behind_the_camera_are_not_hit(vertices):
    raster = rasterise(torch.from_numpy(vertices), torch.from_numpy(FACES).long(), Camera(orbit(0, 0, 2.0), 40, 20, 20))
    assert (raster.face == -1).all() and raster.corner.isfinite().all()


def test_an_empty_mesh_renders_transparent():
    assert (render_mesh(Mesh(np.zeros((0, 3)), np.zeros((0, 3))), Camera(orbit(0, 0, 2.0), 40, 20, 20)) == 0).all()
