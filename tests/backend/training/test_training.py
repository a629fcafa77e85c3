# SPDX-License-Identifier: GPL-3.0-or-later
"""Training data and loop: rays against closed forms, distances of known solids, resuming."""

import numpy as np
import pytest
import torch

pytest.importorskip("embreex")
pytest.importorskip("igl")

from backend.rendering import cameras
from backend.rendering.rays import intersect_box
from backend.training.distance import SHEET, SignedDistance
from backend.training.meshes import TrainingMesh, is_validation, load_mesh, load_stretched
from backend.training.patterns import PALE, PALE_RANGE, Pattern
from backend.training.reconstruction import blur
from backend.training.render import FOV_DEG, FRAMED_SHARE, Light, Renderer, orbit

BOX = np.array([0.3, 0.2, 0.1])  # half sides
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], np.int32)


def box_mesh() -> TrainingMesh:
    colors = np.full((12, 3, 3), 0.5, np.float32)
    return TrainingMesh("box", "", (CORNERS * BOX).astype(np.float32), FACES, colors)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (25, 30), (200, -20)])
def test_rays_hit_a_box_where_the_slab_formula_says(azimuth, elevation):
    matrix = orbit(azimuth, elevation)
    camera = cameras.Camera(cameras.orbit(azimuth, elevation, 1.2), FOV_DEG, 48, 48)
    origins, directions = cameras.rays(camera)
    size = torch.tensor(BOX, dtype=torch.float32)
    near, _, hit = intersect_box(origins / size, directions / size, (-1.0, 1.0))
    expected = torch.where(hit, near, torch.inf).view(48, 48).numpy()
    rgba, distance = Renderer(box_mesh()).render(matrix, 48, samples=1)
    assert (np.isfinite(expected) == (rgba[..., 3] > 0)).mean() > 0.999
    both = np.isfinite(expected) & np.isfinite(distance)
    np.testing.assert_allclose(distance[both], expected[both], atol=1e-4)


def test_shading_is_lambert_on_the_side_that_is_seen():
    """The front face's normal is -Y: albedo 0.5 * (0.6 + 0.4 * n.l)."""
    light = Light(np.array([0, -0.8, 0.6], np.float32), 0.6)
    rgba, _ = Renderer(box_mesh(), light).render(orbit(0, 0), 33, samples=1)
    assert rgba[16, 16, 0] == pytest.approx(255 * 0.5 * (0.6 + 0.4 * 0.8), abs=1)


def test_stripes_lie_where_their_wave_is_high():
    """Two and a half waves to the right in a unit: between -0.3 and 0.3 the sine is positive in [-0.2, 0] (it is
    turned by half a wave) and in [0.2, 0.3]."""
    white = np.ones(3)
    stripes = Pattern(np.diag([2.5, 1, 1]), np.array([np.pi, 0, 0]), "stripes", 1e6, white, 1.0)
    renderer = Renderer(box_mesh(), Light(np.array([0, 0, 1], np.float32), 1.0), stripes)
    x = np.array([-0.25, -0.15, -0.05, 0.05, 0.15, 0.25], np.float32)
    origins = np.stack([x, np.full(6, -1, np.float32), np.zeros(6, np.float32)], 1)
    rgba, _, _ = renderer.cast(origins, np.tile(np.array([0, 1, 0], np.float32), (6, 1)))
    np.testing.assert_allclose(rgba[:, 0], [0.5, 1, 1, 0.5, 0.5, 1], atol=1e-3)


def test_checks_are_the_product_of_three_waves_and_share_mixes_colours():
    checks = Pattern(np.eye(3), np.zeros(3), "checks", 1e6, np.array([1.0, 0, 0]), 0.25)
    inside = np.array([[0.25, 0.25, 0.25], [0.75, 0.25, 0.25], [0.75, 0.75, 0.25], [0.75, 0.75, 0.75]])
    painted = checks.paint(inside, np.full((4, 3), 0.4))
    np.testing.assert_allclose(painted, [[0.55, 0.3, 0.3], [0.4] * 3, [0.55, 0.3, 0.3], [0.4] * 3], atol=1e-6)


def test_half_of_the_objects_have_a_pattern():
    rng = np.random.default_rng(0)
    painted = [pattern for _ in range(200) if (pattern := Pattern.random(rng)) is not None]
    assert 80 < len(painted) < 120
    assert {p.kind for p in painted} == {"checks", "stripes", "spots"}
    pale = np.mean([p.color.min() >= 1 - PALE_RANGE for p in painted])
    assert pale == pytest.approx(PALE + (1 - PALE) * PALE_RANGE**3, abs=0.1)
    points = rng.uniform(-0.5, 0.5, (9, 3))
    for pattern in painted:
        colors = pattern.paint(points, np.full((9, 3), 0.5))
        assert ((0 <= colors) & (colors <= 1)).all()


def test_blur_gives_each_neighbour_its_share():
    dot = torch.zeros(1, 3, 5, 6)
    dot[0, 1, 2, 3] = 1
    blurred = blur(dot, 0.2)
    line = torch.tensor([0.2, 0.6, 0.2])
    torch.testing.assert_close(blurred[0, 1, 1:4, 2:5], torch.outer(line, line))
    assert float(blurred[0, 1].sum()) == pytest.approx(1) and not blurred[0, [0, 2]].any()
    torch.testing.assert_close(blur(torch.ones(2, 3, 4, 4), 0.1), torch.ones(2, 3, 4, 4))  # up to the edge


def test_framing_centres_the_box_at_three_quarters():
    renderer, matrix = Renderer(box_mesh()), orbit(40, 25)
    alpha = renderer.render(matrix, 128, renderer.framing(matrix))[0][..., 3] > 127
    rows, columns = (np.flatnonzero(alpha.any(axis)) for axis in (1, 0))
    sides = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert max(sides) == pytest.approx(128 * FRAMED_SHARE, abs=1.5)
    assert rows[0] + rows[-1] == pytest.approx(127, abs=2)
    assert columns[0] + columns[-1] == pytest.approx(127, abs=2)


def test_signed_distance_of_a_box_is_the_closed_form():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (2000, 3)).astype(np.float32)
    q = np.abs(points) - BOX
    expected = np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(1), 0)
    np.testing.assert_allclose(SignedDistance(Renderer(box_mesh()))(points), expected, atol=1e-5)


@pytest.mark.parametrize(("missing", "is_hollow"), [(4, False), (5, True)])
def test_meshes_open_below_are_solid_and_meshes_open_above_are_vessels(missing, is_hollow):
    box = box_mesh()
    box.faces = np.delete(box.faces, [2 * missing, 2 * missing + 1], axis=0)
    box.vertices = CORNERS * 0.2
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (500, 3)).astype(np.float32)
    assert np.all(SignedDistance(Renderer(box)).outside(points) == is_hollow)


def test_a_single_sheet_has_a_thickness():
    sheet = TrainingMesh(
        "sheet", "", CORNERS[:4] * 0.3, np.array([[0, 1, 3], [0, 3, 2]], np.int32), np.zeros((2, 3, 3), np.float32)
    )
    sheet.vertices[:, 0] = 0
    points = np.array([[0.005, 0, 0], [0.05, 0, 0]], np.float32)
    np.testing.assert_allclose(SignedDistance(Renderer(sheet))(points), [0.005 - SHEET, 0.05 - SHEET], atol=1e-5)


def test_the_split_does_not_depend_on_the_folder():
    names = [f"object-{i}" for i in range(2000)]
    share = np.mean([is_validation(n) for n in names])
    assert 0.035 < share < 0.065  # one in twenty, three standard deviations
    assert [n for n in names[:60] if is_validation(n)] == ["object-27", "object-31", "object-57"]


def test_any_mesh_file_is_normalised(tmp_path):
    mesh = box_mesh()
    np.savez(
        tmp_path / "a.npz", vertices=mesh.vertices * 7 + 3, faces=mesh.faces, face_colors=np.zeros((12, 3, 3), np.uint8)
    )
    loaded = load_mesh("a", "", tmp_path / "a.npz")
    scale = 0.5 / np.linalg.norm(BOX)
    np.testing.assert_allclose(loaded.vertices, mesh.vertices * scale, atol=1e-5)


def test_a_stretched_box_is_a_box_of_other_sides(tmp_path):
    mesh = box_mesh()
    np.savez(tmp_path / "a.npz", vertices=mesh.vertices, faces=mesh.faces, face_colors=np.zeros((12, 3, 3), np.uint8))
    entry = ("a", "", tmp_path / "a.npz")
    np.testing.assert_array_equal(load_stretched(entry, 5, 0).vertices, load_mesh(*entry).vertices)
    stretched = [load_stretched(entry, 5, k).vertices for k in range(1, 201)]
    np.testing.assert_array_equal(stretched[0], load_stretched(entry, 5, 1).vertices)
    sides = np.array([np.abs(v).max(0) for v in stretched])
    np.testing.assert_allclose(np.linalg.norm(sides, axis=1), 0.5, rtol=1e-5)
    for vertices, side in zip(stretched, sides, strict=True):
        np.testing.assert_allclose(vertices, np.sign(CORNERS) * side, atol=1e-6)
    ratios = np.log(sides[:, 0] / sides[:, 1])  # of two that are stretched independently
    assert abs(ratios.mean() - np.log(BOX[0] / BOX[1])) < 0.08
    assert ratios.std() == pytest.approx(2**0.5 * 0.25, rel=0.15)
