# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
import torch

from backend.fields import hash_field, initial, sdf_field
from backend.fields.initial import SHELL, Start, fit_mesh
from backend.fields.mesh_distance import MeshDistance, closest_on_triangles
from backend.fields.surface import to_mesh
from backend.fields.voxel_field import VoxelField
from backend.rendering.mesh import Mesh

SIZE = np.array([0.3, 0.2, 0.4])  # half sides of the box
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def box(sides: int = 6) -> Mesh:
    """A box whose colours are its corners' places; perhaps without some of its sides."""
    faces = [f for a, b, c, d in SIDES[:sides] for f in ((a, b, c), (a, c, d))]
    colors = np.concatenate([(CORNERS + 1) * 127.5, np.full((8, 1), 255)], 1)
    return Mesh(CORNERS * SIZE, np.array(faces), colors.astype(np.uint8))


def box_distance(points: np.ndarray) -> np.ndarray:
    """The closed form of the signed distance to the box."""
    beyond = np.abs(points) - SIZE
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)


def points(count: int = 3000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.55, 0.55, (count, 3))


def test_the_test_box_is_closed_and_has_its_volume():
    assert box().is_closed and box().volume == pytest.approx(8 * SIZE.prod())


def test_distance_and_colour_of_a_box_equal_the_closed_form():
    distance, color = MeshDistance(box())(points())
    np.testing.assert_allclose(distance, box_distance(points()), atol=1e-5)
    on = points()
    axis = (np.abs(on) / SIZE).argmax(1)
    on[np.arange(len(on)), axis] = np.sign(on[np.arange(len(on)), axis]) * SIZE[axis]
    on = on[(np.abs(on) <= SIZE).all(1)]
    seen = MeshDistance(box())(on)
    np.testing.assert_allclose(seen[0], 0, atol=1e-6)
    at_corners = MeshDistance(box())(CORNERS * SIZE)[1]
    np.testing.assert_allclose(at_corners, (CORNERS + 1) / 2, atol=0.003)
    assert color.min() >= 0 and color.max() <= 1


def test_the_nearest_point_of_a_triangle_is_better_than_any_other():
    rng = np.random.default_rng(1)
    where, corners = rng.normal(size=(50, 3)), rng.normal(size=(50, 3, 3))
    place = closest_on_triangles(where, corners)
    assert (place >= -1e-12).all() and np.allclose(place.sum(-1), 1)
    gap = np.linalg.norm((place[..., None] * corners).sum(1) - where, axis=1)
    tried = rng.dirichlet([0.5] * 3, 4000)
    gaps = np.linalg.norm(tried @ corners - where[:, None], axis=-1).min(1)
    assert (gap <= gaps + 1e-12).all() and (gaps - gap).max() < 0.05


def test_a_sheet_becomes_a_solid_of_one_cell():
    """A sheet has no inside: it becomes a solid of a cell's thickness."""
    sheet = MeshDistance(box(sides=1))
    beside = np.array([[-0.3, 0.05, 0.1], [-0.29, 0.0, 0.0], [-0.2, 0.0, 0.0], [-0.4, 0.0, 0.0]])
    distance, _ = sheet(beside)
    np.testing.assert_allclose(distance, np.array([0, 0.01, 0.1, 0.1]) - 0.5 * 0.8 / 96, atol=1e-6)


def test_a_mesh_without_faces_is_refused():
    with pytest.raises(ValueError, match="no faces"):
        MeshDistance(Mesh(np.zeros((3, 3)), np.zeros((0, 3))))


FIELDS = {
    "hash": hash_field.small,
    "sdf": sdf_field.small,
    "voxel": lambda: VoxelField(32, generator=torch.Generator().manual_seed(0)),
    "coarse voxel": lambda: VoxelField(32, coarse=(16, 8)),
}


def test_fitting_a_mesh_reports_steps_and_can_be_stopped(monkeypatch):
    monkeypatch.setattr(initial, "POOL", 2_000)
    seen = []

    def watch(step, steps):
        seen.append((step, steps))
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_mesh(FIELDS["sdf"](), box(), steps=50, watch=watch)
    assert seen == [(0, 50), (1, 50), (2, 50), (3, 50)]


@pytest.mark.parametrize("kind", list(FIELDS))
def test_a_field_fitted_to_a_mesh_has_its_shape_and_colours(kind, monkeypatch):
    monkeypatch.setattr(initial, "POOL", 12_000)
    field = FIELDS[kind]()
    fit_mesh(field, box())
    mesh = to_mesh(field, 48)
    assert np.abs(box_distance(mesh.vertices)).mean() < {"voxel": 0.012}.get(kind, 0.008)
    assert mesh.volume == pytest.approx(8 * SIZE.prod(), rel=0.1)
    wanted = (np.clip(mesh.vertices / SIZE, -1, 1) + 1) / 2
    assert np.abs(mesh.vertex_colors[:, :3] / 255 - wanted).mean() < 0.06
    if kind == "sdf":
        with torch.no_grad():
            learned = field.value(torch.from_numpy(points()).float()).numpy()
        assert np.abs(learned - box_distance(points())).mean() < 0.01


def test_the_loss_against_the_starting_mesh_equals_hand_worked_values():
    """Voxels of raw density 0: softplus(-1) / 15 of their level, where distances want 1.5 and, inside, at most 2 of it;
    a sphere of radius 0.35: 0.05 inside it, where the start was 0.01 outside."""
    voxels, generator = VoxelField(4, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(1)
    share = np.log1p(np.exp(-1)) / 15
    for distance, wanted in ((-SHELL / 2, 1.5), (-1.0, 2.0), (1.0, 0.0)):
        off = abs(share - wanted)
        expected = off - 0.05 if off > 0.1 else off**2 / 0.2  # Huber, quadratic up to 0.1
        start = Start(torch.zeros(9, 3), torch.full((9,), distance))
        assert start.loss(voxels, generator).item() == pytest.approx(expected, rel=1e-5)
    sphere = sdf_field.small()
    sphere.sdf_network[-1].weight.data.zero_()
    start = Start(torch.tensor([[0.3, 0.0, 0.0]]), torch.tensor([0.01]))
    assert start.loss(sphere, generator).item() == pytest.approx(0.06 / 0.1, rel=1e-5)
