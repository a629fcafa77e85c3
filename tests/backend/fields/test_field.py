# SPDX-License-Identifier: GPL-3.0-or-later
import math

import numpy as np
import pytest
import torch

from backend.fields import hash_field, sdf_field
from backend.fields.background import Background, harmonics
from backend.fields.field import magic3d_blob
from backend.fields.surface import to_mesh
from backend.fields.voxel_field import VoxelField


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int) -> torch.Tensor:
    return torch.rand(count, 3, generator=generator(5), dtype=torch.float64) * 0.8 - 0.4


def make(kind: str):
    """A field with something in it, in float64."""
    field = {
        "hash": hash_field.small,
        "sdf": sdf_field.small,
        "voxel": lambda: VoxelField(6),
        "coarse voxel": lambda: VoxelField(6, coarse=(4, 2)),
    }[kind]().double()
    g = generator(1)
    for parameter in field.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=g, dtype=torch.float64)
    return field


def bare_sphere(radius: float = 0.35):
    """The signed distance field before it has learned anything: exactly a sphere."""
    field = sdf_field.small(radius=radius).double()
    for parameter in field.sdf_network.parameters():
        parameter.data.zero_()
    return field


KINDS = ["hash", "sdf", "voxel", "coarse voxel"]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_in_the_points_equal_finite_differences_twice(kind):
    field = make(kind)
    where = points(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: torch.cat([x.flatten() for x in field.value_and_color(p)]), where)
    assert torch.autograd.gradgradcheck(field.value, where)


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_of_normals_reaches_the_parameters(kind):
    """d (mean of a function of the normals) / d parameter against a difference of two evaluations."""
    field, where = make(kind), points(40)
    aim = torch.nn.functional.normalize(torch.ones(3, dtype=torch.float64), dim=0)

    def loss() -> torch.Tensor:
        return (field.normal(where) @ aim).mean()

    loss().backward()
    name, parameter = max(
        ((n, p) for n, p in field.named_parameters() if p.grad is not None), key=lambda x: float(x[1].grad.abs().max())
    )
    place = parameter.grad.abs().argmax()
    slope = parameter.grad.view(-1)[place].item()
    values = []
    for step in (1e-6, -2e-6):
        parameter.data.view(-1)[place] += step
        values.append(loss().item())
    assert (values[0] - values[1]) / 2e-6 == pytest.approx(slope, rel=1e-4), name


def test_normals_of_a_sphere_point_radially():
    field, where = bare_sphere(), points(50)
    outward = where / where.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(field.value(where), where.norm(dim=-1) - 0.35, atol=1e-6, rtol=0)
    torch.testing.assert_close(field.normal(where), outward, atol=1e-6, rtol=0)
    far = where[where.norm(dim=-1) > 0.1]
    slopes = field.differences(far, 0.01)
    torch.testing.assert_close(slopes, far / far.norm(dim=-1, keepdim=True), atol=2e-3, rtol=0)
    torch.testing.assert_close(field.query(where).gradient, outward, atol=1e-6, rtol=0)


def test_normals_of_a_blob_point_outward():
    field = hash_field.small().double()
    field.density_network[-1].weight.data.zero_()
    where = points(30)
    outward = where / where.norm(dim=-1, keepdim=True)
    torch.testing.assert_close(field.normal(where), outward)
    torch.testing.assert_close(field.value(where), torch.nn.functional.softplus(10 * (1 - where.norm(dim=-1) / 0.5)))


@pytest.mark.parametrize("field", [hash_field.small(), VoxelField(6)], ids=["hash", "voxel"])
def test_density_is_zero_outside_its_cube(field):
    inside, outside = torch.tensor([[0.0, 0.59, 0.0]]), torch.tensor([[0.0, 0.61, 0.0]])
    assert field.value(inside) > 0 and field.value(outside) == 0


def test_section_opacity_equals_neuss_formula():
    """NeuS, equation 13: (S(before) - S(after)) / S(before) for a ray at an angle to the sphere's surface."""
    field = bare_sphere()
    where = torch.tensor([[0.0, -0.36, 0.0], [0.34, 0.0, 0.0]], dtype=torch.float64)
    along = torch.nn.functional.normalize(torch.tensor([[0.0, 1, 0], [-1, 1, 0]], dtype=torch.float64), dim=-1)
    alpha = field.alpha(field.query(where), along, torch.full((2,), 0.02, dtype=torch.float64))
    for got, sdf, cosine in zip(alpha.tolist(), (0.01, -0.01), (-1.0, -math.sqrt(0.5)), strict=True):
        before, after = (1 / (1 + math.exp(-64 * (sdf + side * cosine * 0.01))) for side in (-1, 1))
        assert got == pytest.approx((before - after) / before, rel=1e-3)
    slope = (along * where / where.norm(dim=-1, keepdim=True)).sum(-1)
    from_slope = field.alpha_from_slope(field.value(where), slope, along, torch.full((2,), 0.02, dtype=torch.float64))
    torch.testing.assert_close(from_slope, alpha)


def test_sharpening_grows_the_raw_density_exponentially():
    """Half way to the steepest the raw density has grown by the root of what it has grown by there, and in the end."""
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    voxels = VoxelField(4, gain=2.0, sharpen=9.0)
    voxels.density.data.normal_(generator=torch.Generator().manual_seed(1))
    raw = torch.expm1(voxels.value(points).double()).log() + 1  # the inverse of softplus
    blob = hash_field.small(sharpen=16.0)
    plain = torch.expm1(blob.value(points).double()).log()
    for share, factor, steeper in ((0.2, 3, 4), (0.4, 9, 16), (1.0, 9, 16)):
        voxels.advance(share)
        blob.advance(share)
        expected = torch.nn.functional.softplus(factor * raw - 1)
        torch.testing.assert_close(voxels.value(points).double(), expected, rtol=1e-3, atol=1e-6)
        expected = torch.nn.functional.softplus(steeper * plain)
        torch.testing.assert_close(blob.value(points).double(), expected, rtol=1e-3, atol=1e-6)
    assert {"sharpness"} <= voxels.state_dict().keys() & blob.state_dict().keys()  # what goes on needs it


def test_gain_multiplies_the_learned_density():
    voxels = VoxelField(4, gain=6.0)
    voxels.density.data.fill_(0.7)
    assert voxels.value(torch.zeros(1, 3)).item() == pytest.approx(math.log1p(math.exp(6 * 0.7 - 1)), rel=1e-5)
    plain, sharp = (hash_field.small(gain=gain) for gain in (1.0, 4.0))
    blob = magic3d_blob(points(20))
    raw = [field.double().value(points(20)).expm1().log() - blob for field in (plain, sharp)]
    torch.testing.assert_close(raw[1], 4 * raw[0], atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "rate", "decay"),
    [(VoxelField(4), 0.5, 0), (VoxelField(4, coarse=(3, 2)), 0.15, 0.2)],
    ids=["fine", "coarse"],
)
def test_voxels_learn_ten_times_as_fast_or_three_times_with_coarse_grids_and_density_decay(field, rate, decay):
    settings = {id(p): (g["lr"], g.get("weight_decay", 0)) for g in field.groups(0.05) for p in g["params"]}
    assert len(settings) == len(list(field.parameters()))
    for name, parameter in field.named_parameters():
        expected = (0.05, 0) if name == "log_gain" else (rate, decay if "density" in name else 0)
        assert settings[id(parameter)] == pytest.approx(expected), name


def test_finer_levels_fade_in_between_the_bands():
    field = hash_field.small(bands=(0.2, 0.6))
    shown = []
    for share in (0.0, 0.2, 0.4, 0.6, 1.0):
        field.advance(share)
        shown.append(field.grid.active)
    assert shown == pytest.approx([3, 3, 4.5, 6, 6])


def test_the_same_seed_gives_the_same_field():
    a, b, c = hash_field.small(seed=3), hash_field.small(seed=3), hash_field.small(seed=4)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.density_network[0].weight, c.density_network[0].weight)


def test_spherical_harmonics_are_orthonormal():
    """Gauss-Legendre in z times an even ring: exact for products of degree 4."""
    z, weight = np.polynomial.legendre.leggauss(5)
    angle = np.arange(8) * np.pi / 4
    ring = np.sqrt(1 - z[:, None] ** 2)
    directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), z[:, None] + 0 * angle], -1).reshape(-1, 3)
    basis = harmonics(torch.from_numpy(directions)).numpy()
    gram = basis.T @ (basis * np.repeat(weight * np.pi / 4, 8)[:, None])
    np.testing.assert_allclose(gram, np.eye(9), atol=1e-12)


def test_a_constant_background_is_not_learned_and_a_learned_one_lies_in_range():
    where = torch.nn.functional.normalize(points(6).float(), dim=-1)
    fixed = Background(4, torch.tensor([1.0, 2, 3, 4]))
    assert fixed(where).tolist() == [[1, 2, 3, 4]] * 6 and not list(fixed.parameters())
    learned = Background()(where)
    assert learned.shape == (6, 3) and 0 < learned.min() and learned.max() < 1


def test_a_sphere_becomes_a_mesh_with_colours():
    field = bare_sphere().float()
    mesh = to_mesh(field, 48)
    assert mesh.is_closed
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.35**3, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.35, atol=1e-3)
    with torch.no_grad():
        wanted = field.color(torch.from_numpy(mesh.vertices)).numpy()
    np.testing.assert_allclose(mesh.vertex_colors[:, :3] / 255, wanted, atol=0.5 / 255 + 1e-6)
    assert field.training


@pytest.mark.parametrize("kind", ["sdf", "hash"])
def test_surfaces_at_the_border_are_closed(kind):
    field = bare_sphere(radius=0.7).float() if kind == "sdf" else hash_field.small(blob=(1000.0, 2.0))
    mesh = to_mesh(field, 32)
    assert mesh.is_closed and np.abs(mesh.vertices).max() == pytest.approx(0.6, abs=0.02)


def test_latents_are_decoded_to_vertex_colours_and_else_grey():
    field = VoxelField(8, channels=4)
    field.density.data.fill_(40.0)
    mesh = to_mesh(field, 16, decode=lambda latents: latents[:, :3] * 0 + torch.tensor([1.0, 0.5, 0.0]))
    assert len(mesh.faces) and (mesh.vertex_colors == [255, 128, 0, 255]).all()
    assert (to_mesh(field, 16).vertex_colors[:, :3] == 128).all()
