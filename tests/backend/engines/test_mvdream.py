# SPDX-License-Identifier: GPL-3.0-or-later
"""MVDream's engine: what it draws, how it guides, and the shape that an oracle of four views at once makes of it."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from backend.diffusion.prior import Denoised, view_angles
from backend.fields import hash_field
from backend.interface.tasks import MVDREAM
from backend.optimisation.loop import optimise
from backend.optimisation.multi_view_objective import MultiViewObjective
from backend.optimisation.recipes.mvdream import PUBLISHED, SMALL, STARTER, choose_recipe
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress
from tests.support.oracle import Pixels, stable_diffusion_schedule
from tests.support.unsure_oracle import UnsureOracle, turned

BLUE, RED = (50, 80, 200, 255), (220, 40, 40, 255)


def head() -> Mesh:
    """A blue block with a red plate on its front, which is at -Y."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    faces = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    body, plate = corners * (0.3, 0.25, 0.3) + (0, 0.05, 0), corners * (0.25, 0.05, 0.25) + (0, -0.25, 0)
    colors = np.repeat(np.array([BLUE, RED], np.uint8), 8, 0)
    return Mesh(np.concatenate([body, plate]), np.concatenate([faces, faces + 8]), colors)


def ring(start: float, size: int = 16) -> list[Camera]:
    return [Camera(orbit(start + 90 * i, 10, 1.2), 49.1, size, size) for i in range(4)]


def redness(pictures: torch.Tensor) -> list[float]:
    return (pictures[:, 0] > pictures[:, 2] + 0.1).float().mean((1, 2)).tolist()


def test_an_oracle_that_likes_fronts_shows_them_everywhere_unless_it_sees_four_views_at_once():
    """From pure noise, so that liking alone decides; and the exact posterior, computed for one view by hand."""
    noisy, t = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.full((4,), 999)
    alone = UnsureOracle(head(), size=16, views=1, liking=6.0)
    joint = UnsureOracle(head(), size=16, views=4, liking=6.0)
    for oracle, faces in ((alone, 4), (joint, 1)):
        seen = redness(oracle.decode(oracle.denoise(noisy, t, ring(0)).conditional))
        assert sum(share > 0.3 for share in seen) == faces and sum(share < 0.1 for share in seen) == 4 - faces
    camera, a = ring(30)[0], float(stable_diffusion_schedule()[999])
    shown = [Pixels().encode(alone.pictures([turned(camera, k)]))[0] for k in range(4)]
    logs = [6 * math.cos(math.radians(30 - 90 * k)) + (k == 0) for k in range(4)]
    misfits = [float(((noisy[0] - math.sqrt(a) * x) ** 2).sum()) / (2 * (1 - a)) for x in shown]
    weights = (torch.tensor(logs, dtype=torch.float64) - torch.tensor(misfits, dtype=torch.float64)).softmax(0)
    expected = sum(float(w) * x for w, x in zip(weights, shown, strict=True))
    torch.testing.assert_close(alone.denoise(noisy[:1], t[:1], [camera]).conditional[0], expected, atol=1e-4, rtol=1e-4)


def test_the_shape_has_a_single_front():
    """By the oracle that would put one on every side if it looked at them one by one; shading and all."""
    course = replace(SMALL, milestones=(), random_size=(16,), batch=(4,), section=0.05).shortened(50)
    task = MultiViewObjective(UnsureOracle(head(), size=16, views=4, liking=6.0), hash_field.small(seed=0), course)
    outcome = optimise(task, Progress(), course.steps, seed=0)
    assert outcome.steps == 50 and outcome.recovered == 0
    found = UnsureOracle(task.mesh(40), size=32)
    front, _, back, _ = redness(found.pictures(ring(0)))
    true = redness(UnsureOracle(head(), size=32).pictures(ring(0)))[0]
    assert front > 0.5 * true and back < 0.1 * true
    assert found.mesh.volume == pytest.approx(0.6 * 0.5 * 0.6 + 0.5 * 0.05 * 0.5, rel=0.4)
    assert task.views().shape == (4, 16, 16, 4)


def test_cameras_come_in_sets():
    """One height, lens and distance for four views a quarter turn apart, which show 0.8 to 1.0 of the half cube."""
    generator = torch.Generator().manual_seed(0)
    assert [len(PUBLISHED.cameras(p, generator)) for p in (0, 5000)] == [8, 4]
    assert [PUBLISHED.cameras(p, generator)[0].width for p in (0, 5000)] == [64, 256]
    sets = [PUBLISHED.cameras(6000, generator) for _ in range(600)]
    azimuth, elevation, distance = (v.view(-1, 4) for v in view_angles([c for cameras in sets for c in cameras]))
    fov = torch.tensor([[c.fov_deg for c in cameras] for cameras in sets])
    assert all(float((v - v[:, :1]).abs().max()) < 1e-3 for v in (elevation, distance, fov))
    torch.testing.assert_close((azimuth.diff(dim=1) + 360) % 360, torch.full((600, 3), 90.0), atol=1e-2, rtol=0)
    half = distance * torch.tan(torch.deg2rad(fov) / 2)
    for values, low, high in ((half, 0.8, 1.0), (fov, 15, 60), (elevation, 0, 30), (azimuth, -180, 180)):
        assert low - 1e-3 <= values.min() and values.max() <= high + 1e-3
        assert float(values.mean()) == pytest.approx((low + high) / 2, abs=0.05 * (high - low))


class Answers:
    """A prior whose answer is given; latents are pictures of 2 x 2 pixels."""

    image_size, channels, alphas_cumprod = 2, 3, stable_diffusion_schedule()

    def __init__(self, conditional, unconditional):
        self.answer, self.asked = Denoised(conditional, unconditional), []

    def encode(self, images):
        return torch.nn.functional.interpolate(images, (2, 2), mode="area")

    def decode(self, latents):
        return latents

    def denoise(self, noisy, t, cameras, unconditional=True):
        self.asked.append(t)
        return self.answer


def test_the_loss_is_half_the_squared_distance_from_the_rescaled_answer():
    """MVDream's x0 loss by hand: per set of four, contrast given back by half; one time step for all eight views; its
    gradient with respect to the latents is their distance, divided by the number of views."""
    x, e = torch.randn(2, 8, 3, 2, 2, generator=torch.Generator().manual_seed(3)).unbind(0)
    prior = Answers(x, e)
    course = replace(PUBLISHED, random_size=(4, 4), weights={"prior": 1}, albedo_steps=1e9, section=0.2)
    task = MultiViewObjective(prior, hash_field.small(seed=0, bounds=(-1, 1)), course)
    z = torch.rand(8, 3, 2, 2, requires_grad=True)
    prior.encode = lambda images: z
    loss = task.random_view_terms(0.0, torch.Generator().manual_seed(0))["prior"]
    guided = e + 50 * (x - e)
    sets = zip(guided.split(4), x.split(4), strict=True)
    target = torch.cat([0.5 * g * (c.std() / (g.std() + 1e-8)) + 0.5 * g for g, c in sets])
    scale = 4 * 32 * 32 / (3 * 2 * 2)  # to the size of the latents that the weight was published for
    assert loss.item() == pytest.approx(scale * 0.5 * float(((z.detach() - target) ** 2).sum()) / 8, rel=1e-4)
    (gradient,) = torch.autograd.grad(loss, z)
    torch.testing.assert_close(gradient, scale * (z.detach() - target) / 8, rtol=1e-4, atol=1e-4)
    assert prior.asked[0].tolist() == [980] * 8


def test_timesteps_follow_the_published_schedule():
    task = MultiViewObjective(Answers(None, None), hash_field.small(seed=0, bounds=(-1, 1)), PUBLISHED)  # pyright: ignore[reportArgumentType]
    generator = torch.Generator().manual_seed(0)
    late = torch.stack([task.distillation.timesteps(4, 9000, generator) for _ in range(2000)])
    assert (late == late[:, :1]).all()
    assert late.min() >= 20 and late.max() <= 500 and abs(float(late.float().mean()) - 260) < 10
    assert 490 <= int(task.distillation.timesteps(1, 4000, generator)) <= 750  # half-way: 0.5 to 0.74


def test_backgrounds_are_shared_and_random_half_of_the_time():
    task = MultiViewObjective(Answers(None, None), hash_field.small(seed=0, bounds=(-1, 1)), PUBLISHED)  # pyright: ignore[reportArgumentType]
    directions = torch.nn.functional.normalize(torch.randn(50, 3, generator=torch.Generator().manual_seed(1)), dim=-1)
    generator = torch.Generator().manual_seed(0)
    drawn = [task.backdrop(directions, generator) for _ in range(400)]
    plain = [d for d in drawn if float(d.std(0).max()) == 0]
    assert len(plain) / 400 == pytest.approx(0.5, abs=0.07)
    assert torch.stack([d[0] for d in plain]).std(0).min() > 0.2
    assert all(torch.equal(d, task.surroundings(directions)) for d in drawn if float(d.std(0).max()) > 0)


def test_the_grid_learns_faster_than_the_networks():
    task = MultiViewObjective(Answers(None, None), hash_field.small(seed=0, bounds=(-1, 1)), PUBLISHED)  # pyright: ignore[reportArgumentType]
    rates = {id(p): group["lr"] for group in task.groups() for p in group["params"]}
    named = {**dict(task.field.named_parameters()), **dict(task.surroundings.named_parameters())}
    assert rates.keys() == {id(p) for p in named.values()}
    assert all(rates[id(p)] == (0.01 if name.startswith("grid.") else 0.001) for name, p in named.items())


def test_recipes_depend_on_the_weights():
    parameters = MVDREAM.check({})

    def choose(size, **changes):
        return choose_recipe(SimpleNamespace(is_starter=size < 128), replace(parameters, **changes))  # pyright: ignore[reportArgumentType]

    assert choose(256) == PUBLISHED and PUBLISHED.guidance_scale == 50 and choose(64) == STARTER
    assert PUBLISHED.soft_light and STARTER.soft_light
    assert len(PUBLISHED.negative.split(",")) == 19
    generator = torch.Generator().manual_seed(0)
    assert {choose(256, shading=False).draw_shading(9999, generator) for _ in range(50)} == {"albedo"}
    assert choose(256, shading=False).weight("orientation", 9999) == 0
    assert choose(256, steps=1000, guidance_scale=20.0, rescale=0.7).albedo_steps == 500
    drawn = {PUBLISHED.draw_shading(6000, generator) for _ in range(90)}
    assert drawn == {"albedo", "lambertian", "textureless"}
