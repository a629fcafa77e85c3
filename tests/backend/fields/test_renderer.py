# SPDX-License-Identifier: GPL-3.0-or-later
import math

import numpy as np
import pytest
import torch
from nerfacc import OccGridEstimator, render_visibility_from_density

from backend.fields import hash_field, sdf_field
from backend.fields.renderer import Renderer, slopes
from backend.fields.voxel_field import VoxelField
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.occupancy import Occupancy
from backend.rendering.sections import Sections, index_along_rays, visibility
from backend.rendering.shading import Light, sample_light, shade
from tests.support.volume_rendering import density_weights, render_sdf


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def view(size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    return rays(Camera(orbit(35, 25, 1.6), 45, size, size))


def uneven(seed: int = 0):
    """A hash field with some shape."""
    field = hash_field.small(seed=seed)
    field.grid.table.data.normal_(generator=generator(1)).mul_(0.5)
    return field


def mark(occupancy: Occupancy, share: float) -> None:
    occupancy.grid.binaries = torch.rand(occupancy.grid.binaries.shape, generator=generator(3)) < share


@pytest.mark.parametrize("jittered", [False, True])
def test_sections_are_those_whose_middle_lies_in_an_occupied_cell(jittered):
    """nerfacc's rule: the sections of a ray start at its jitter and follow each other in steps; middles decide."""
    occupancy = Occupancy((-0.6, 0.6), 8)
    mark(occupancy, 0.2)
    origins, directions = (x.double() for x in view(6))
    found = occupancy.sections(origins, directions, 0.03, generator(4) if jittered else None)
    jitter = torch.rand(36, generator=generator(4)).double() * 0.03 * jittered
    wanted = []
    for ray, (o, d) in enumerate(zip(origins.numpy(), directions.numpy(), strict=True)):
        for k in range(100):
            start = jitter[ray].item() + k * 0.03
            cell = np.floor((o + d * (start + 0.015) + 0.6) / 0.15).astype(int)
            if ((cell >= 0) & (cell < 8)).all() and occupancy.grid.binaries[0, *cell]:
                wanted.append((ray, start, start + 0.03))
    assert len(wanted) > 50
    got = zip(found.ray.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True)
    np.testing.assert_allclose(list(got), wanted, atol=1e-9)


def test_an_empty_occupancy_grid_renders_the_background():
    renderer = Renderer(uneven())
    renderer.occupancy.grid.binaries.fill_(False)
    seen = renderer.render(*view(4), background=torch.tensor([0.1, 0.2, 0.3]), normals="analytic")
    assert not len(seen.samples.ray) and not seen.opacity.any() and not seen.depth.any()
    torch.testing.assert_close(seen.color, torch.tensor([0.1, 0.2, 0.3]).expand(16, 3))
    seen.color.sum().backward()  # a step without anything to see must not end the optimisation


def test_occupancy_updates_equal_nerfaccs():
    """Values that are the same all over a cell leave nothing to chance; two updates, so that the decay counts."""
    ours, theirs = Occupancy((-1, 1), 6), OccGridEstimator([-1.0, -1, -1, 1, 1, 1], 6)
    for power in (1, 3):

        def evaluate(points: torch.Tensor, power: int = power) -> torch.Tensor:
            cell = ((points + 1) * 3).floor().clamp(0, 5)
            return 0.02 * ((cell * torch.tensor([1.0, 2, 3.1])).sum(-1) / 30) ** power

        ours.update(evaluate, generator())
        theirs._update(0, lambda points: evaluate(points)[:, None])
        torch.testing.assert_close(ours.grid.occs, theirs.occs)
        assert torch.equal(ours.grid.binaries, theirs.binaries) and 0 < ours.grid.binaries.float().mean() < 1


def test_emptied_cells_are_freed_after_the_given_decay():
    """0.6 x 0.5^k is below 0.01 from k = 6 on, where nerfacc's 0.95 takes 80 updates; one cell always stays full."""
    occupancy, filled = Occupancy((-1, 1), 4, decay=0.5), 0.6

    def evaluate(points: torch.Tensor) -> torch.Tensor:
        return torch.where((points > 0.5).all(-1), 1.0, filled)

    counts = []
    for _ in range(8):
        occupancy.update(evaluate, generator())
        counts.append(int(occupancy.grid.binaries.sum()))
        filled = 0.0
    assert counts == [64] * 6 + [1] * 2


@pytest.mark.parametrize(("samples", "expected"), [(1, 0.25), (8, 1 - 0.75**8)])
def test_more_samples_per_cell_miss_fewer_thin_sheets(samples, expected):
    """Each of 512 cells holds a sheet in a quarter of it: n samples find 1 - 0.75^n of them, within 4.5 deviations."""
    occupancy = Occupancy((-1, 1), 8, samples=samples)
    occupancy.update(lambda points: ((points[:, 0] * 4) % 1 < 0.25).float(), generator())
    found = float(occupancy.grid.binaries.float().mean())
    assert found == pytest.approx(expected, abs=4.5 * (expected * (1 - expected) / 512) ** 0.5)


def test_a_constant_density_follows_beer_lambert():
    """Voxels begin as a fog of softplus(-1) = 0.3133 per unit. No cell is above the mean then, yet all must be seen: 12
    sections of 0.05 through a cube of side 0.6 let exp(-0.3133 * 0.6) of the light through."""
    field = VoxelField(5, bounds=(-0.3, 0.3))
    renderer = Renderer(field, 0.05)
    renderer.update(generator())
    assert renderer.occupancy.grid.binaries.all()
    origins, directions = torch.tensor([[0.0, -2, 0]]), torch.tensor([[0.0, 1, 0]])
    seen = renderer.render(origins, directions)
    assert float(seen.opacity.detach()) == pytest.approx(1 - np.exp(-0.3133 * 0.6), abs=1e-3)
    seen.color.sum().backward()
    assert field.density.grad is not None and field.density.grad.abs().max() > 0


def test_visibility_equals_nerfaccs():
    density = torch.rand(7, 20, generator=generator()) * 60
    starts = torch.arange(20).expand(7, -1) * 0.05
    wanted = render_visibility_from_density(starts, starts + 0.05, density, early_stop_eps=1e-3, alpha_thre=0.3)
    ray = torch.arange(7).repeat_interleave(20)
    alpha = 1 - torch.exp(-density * 0.05)
    assert torch.equal(visibility(alpha.flatten(), ray, 7, 0.3, 1e-3), wanted.flatten())
    assert torch.equal(index_along_rays(torch.tensor([0, 0, 2, 2, 2]), 4), torch.tensor([0, 1, 0, 1, 2]))


def test_rendering_equals_nerfaccs_batched_functions():
    """All cells occupied, nothing left out: the sections of a ray as a row of nerfacc's table."""
    field, (origins, directions) = uneven().double(), (x.double() for x in view(5))
    renderer = Renderer(field, 0.05, min_alpha=0, min_transmittance=1e-30)
    seen = renderer.render(origins, directions, background=0.25, normals="analytic")
    first, count = 10, 45  # 0.5 to 2.75: from before the cube to behind it
    edges = (torch.arange(count + 1, dtype=torch.float64) + first) * 0.05
    middles = (edges[1:] + edges[:-1]) / 2
    points = origins[:, None] + directions[:, None] * middles[:, None]
    answer = field.query(points.view(-1, 3), "analytic")
    weights = density_weights(edges.expand(25, -1), answer.value.view(25, count))
    opacity = weights.sum(-1)
    wanted = (weights[..., None] * answer.color.view(25, count, 3)).sum(1) + 0.25 * (1 - opacity)[:, None]
    torch.testing.assert_close(seen.color, wanted)
    torch.testing.assert_close(seen.opacity, opacity)
    torch.testing.assert_close(seen.depth, (weights * middles).sum(-1) / opacity.clamp(min=1e-6))
    normals = field.outward(answer.gradient).view(25, count, 3)
    torch.testing.assert_close(seen.normal, (weights[..., None] * normals).sum(1))
    assert (opacity > 0.1).sum() > 5


@pytest.mark.parametrize("kind", ["hash", "sdf"])
def test_pruning_does_not_change_the_image(kind):
    field = uneven() if kind == "hash" else sdf_field.small(anneal=0)
    field.blob = (60.0, 0.35)  # without the haze that nerfacc's threshold, 0.01 a step, calls empty
    if kind == "sdf":
        field.log_sharpness.data.fill_(0.15)
    everything, pruned = (
        Renderer(field, 0.02, min_alpha=0, min_transmittance=1e-30),
        Renderer(field, 0.02, min_alpha=1e-3),
    )
    for seed in range(8):
        pruned.occupancy.update(lambda p: field.occupancy(p, 0.02, pruned.occupancy.cell), generator(seed))
    a, b = (r.render(*view(20), background=1.0) for r in (everything, pruned))
    assert len(b.samples.ray) < 0.5 * len(a.samples.ray)
    # three sections of the edge at most, each below the grid's threshold of 0.01
    assert (a.color - b.color).abs().max() < 0.03 and (a.opacity - b.opacity).abs().max() < 0.03
    a.color.sum().backward()
    whole = field.grid.table.grad.clone()
    field.zero_grad()
    b.color.sum().backward()
    assert (whole - field.grid.table.grad).norm() < 0.02 * whole.norm()


def test_a_homogeneous_cube_has_the_closed_forms_opacity():
    field = hash_field.small(blob=(0.0, 1.0))
    field.density_network[-1].weight.data.zero_()  # softplus(0) everywhere: ln 2
    origins, directions = torch.tensor([[0.1, -2.0, 0.2], [0.1, -2.0, 0.7]]), torch.tensor([[0.0, 1, 0], [0, 1, 0]])
    seen = Renderer(field, 0.02, min_transmittance=1e-9).render(origins, directions, background=None)
    assert seen.opacity[0].item() == pytest.approx(1 - 2**-1.2, abs=1e-5) and seen.opacity[1] == 0


def test_a_sphere_is_rendered_at_its_position():
    """Against the sphere's closed form, and against the dense NeuS renderer of the reconstruction."""
    field = sdf_field.small(radius=0.3, anneal=0)
    for parameter in field.sdf_network.parameters():
        parameter.data.zero_()
    field.log_sharpness.data.fill_(0.25)
    origins, directions = view(24)
    seen = Renderer(field, 0.01).render(origins, directions)
    along = -(origins * directions).sum(-1)
    miss = (origins.square().sum(-1) - along**2).sqrt()
    hit, clear = miss < 0.29, miss > 0.31
    assert seen.opacity[hit].min() > 0.98 and seen.opacity[clear].max() < 0.02
    depth = along - (0.3**2 - miss**2).clamp(min=0).sqrt()
    assert (seen.depth - depth)[hit].abs().max() < 0.01
    surface = origins + directions * depth[:, None]
    assert (seen.normal - surface / 0.3)[hit].abs().max() < 0.06
    dense = render_sdf(
        lambda p: (field.value(p), field.gradient(p)),
        lambda p, n, d: field.color(p),
        origins,
        directions,
        field.inv_s,
        bounds=(-0.6, 0.6),
    )
    assert (seen.color - dense.color)[hit | clear].abs().max() < 0.02


def test_slopes_are_differences_between_adjacent_sections():
    """By hand: two sections of one ray, one after a gap, and three of another; between neighbours, if there are two."""
    starts = torch.tensor([1.0, 1.1, 1.5, 0.2, 0.3, 0.4])
    sections = Sections(torch.tensor([0, 0, 0, 4, 4, 4]), starts, starts + 0.1)
    values = torch.tensor([0.5, 0.44, 0.3, 0.2, 0.17, 0.16])
    expected = torch.tensor([-0.6, -0.6, -1.0, -0.3, -0.2, -0.1])
    torch.testing.assert_close(slopes(values, sections), expected, atol=1e-5, rtol=0)
    assert len(slopes(values[:0], sections.select(starts < 0))) == 0


@pytest.mark.parametrize("min_alpha", [0.0, 0.01])
def test_rendering_by_slopes_equals_rendering_by_gradients(min_alpha):
    """A sphere: the outline and the surface, and how much more is covered when it grows, from the true gradient's
    rendering; that is the derivative of the covered share in its radius."""
    field = sdf_field.small(radius=0.3, anneal=0)
    for parameter in field.sdf_network.parameters():
        parameter.data.zero_()
    field.log_sharpness.data.fill_(0.1)
    field.radius = torch.tensor(0.3, requires_grad=True)
    renderer, covered = Renderer(field, 0.01, min_alpha=min_alpha), {}
    for normals in ("ray", "analytic"):
        seen = renderer.render(*view(24), normals=normals)
        (growth,) = torch.autograd.grad(seen.opacity.mean(), field.radius)
        covered[normals] = seen, growth
    (found, grows), (true, expected) = covered["ray"], covered["analytic"]
    assert found.samples.gradient is None and true.samples.gradient is not None
    assert (found.opacity - true.opacity).abs().max() < 0.02
    assert (found.depth - true.depth)[true.opacity > 0.9].abs().max() < 0.003
    torch.testing.assert_close(grows, expected, rtol=0.03, atol=0)


def test_shading_follows_its_formulas():
    albedo, normals = torch.tensor([[0.8, 0.4, 0.2]] * 3), torch.tensor([[0.0, 0, 1], [0, 0, -1], [1, 0, 0]])
    points = torch.zeros(3, 3)
    light = Light(torch.tensor([0.0, 3.0, 4.0]), ambient=0.1)  # n.l = 0.8, below, 0
    lit = torch.tensor([0.1 + 0.9 * 0.8, 0.1, 0.1])[:, None]
    torch.testing.assert_close(shade(albedo, normals, points, light, "lambertian"), albedo * lit)
    torch.testing.assert_close(shade(albedo, normals, points, light, "textureless"), lit.expand(3, 3))
    torch.testing.assert_close(shade(albedo, normals, points, None, "normal")[0], torch.tensor([0.5, 0.5, 1]))
    assert shade(albedo, None, points, None, "albedo") is albedo


@pytest.mark.parametrize("shading", ["lambertian", "normal"])
def test_shading_without_normals_is_refused(shading):
    with pytest.raises(ValueError, match="needs normals"):
        shade(torch.ones(3, 3), None, torch.zeros(3, 3), Light(torch.tensor([0.0, 3.0, 4.0])), shading)


def test_lights_are_drawn_near_the_camera():
    camera, g = torch.tensor([0.0, -8.0, 0.0]), generator()
    lights = [sample_light(camera, g, soft=True) for _ in range(200)]
    distance = torch.stack([light.position.norm() for light in lights])
    assert 0.8 <= distance.min() < 0.83 and 1.47 < distance.max() <= 1.5
    assert torch.stack([light.position for light in lights]).mean(0)[1] < -1  # mostly at the camera's side
    assert 0.4 < np.mean([light.ambient for light in lights]) < 0.6
    assert sample_light(camera, g).ambient == 0.1


def test_jittered_sections_differ_between_seeds_and_repeat_for_one():
    renderer = Renderer(uneven())
    a, b, c = (renderer.render(*view(8), generator=generator(s)).color for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_occupancy_is_updated_every_16th_step():
    renderer = Renderer(uneven())
    calls = []
    renderer.field.occupancy = lambda points, step, cell: calls.append(len(points)) or torch.ones(len(points))
    for _ in range(33):
        renderer.update(generator())
    assert calls == [32**3] * 3
    assert set(renderer.state_dict()) >= {"updates", "occupancy.grid.occs", "occupancy.grid.binaries"}
    assert not list(renderer.parameters())


def test_a_rendered_image_has_normals_where_the_blob_is_and_is_transparent_elsewhere():
    picture = Renderer(uneven()).render_image(Camera(orbit(0, 0, 2), 45, 12, 8), shading="normal", normals="analytic")
    assert picture.shape == (8, 12, 4) and picture.dtype == np.uint8
    assert picture[4, 6, 3] > 200 and picture[0, 0, 3] == 0
    assert math.isclose(picture[4, 6, :3].mean(), 127, abs_tol=60)
