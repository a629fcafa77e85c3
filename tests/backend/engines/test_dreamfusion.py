# SPDX-License-Identifier: GPL-3.0-or-later
"""DreamFusion, driven by an oracle that knows what the prompt means; and what it draws: cameras, light, shading."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from backend.diffusion.prior import Denoised, view_angles
from backend.engines import Request, dreamfusion
from backend.fields import hash_field, sdf_field
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION
from backend.optimisation.distillation import guided
from backend.optimisation.loop import optimise
from backend.optimisation.recipes import text_prior
from backend.optimisation.recipes.text_prior import choose_recipe, make_field
from backend.optimisation.text_objective import TextObjective, fill_cube
from backend.rendering.mesh import Mesh
from backend.runtime.progress import Progress
from backend.weights.store.store import STARTER_TEXT
from tests.support.oracle import OraclePrior

SIZES = np.array([0.35, 0.15, 0.25])
COURSE = replace(text_prior.SMALL, milestones=(), random_size=(24,), batch=(3,), section=0.04).shortened(70)


def brick() -> Mesh:
    """0.7 x 0.3 x 0.5, blue."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * SIZES
    quads = np.array([[0, 4, 5, 1], [4, 6, 7, 5], [6, 2, 3, 7], [2, 0, 1, 3], [1, 5, 7, 3], [0, 2, 6, 4]])
    colors = np.tile(np.array([[40, 60, 180, 255]], np.uint8), (8, 1))
    return Mesh(corners, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), colors)


@pytest.mark.parametrize(
    ("field", "course", "loss"),
    [
        (hash_field.small(seed=0), COURSE, "orientation random"),
        (sdf_field.small(seed=0), text_prior.of_distance(COURSE), "eikonal random"),
    ],
)
def test_the_shape_equals_the_priors_object(field, course, loss):
    """Albedo at first and light later; the surface lies within a pixel and a half (0.06) of the oracle's brick."""
    objective = TextObjective(OraclePrior(brick(), 24), field, course)
    outcome = optimise(objective, Progress(), course.steps, seed=0)
    assert outcome.steps == 70 and outcome.recovered == 0 and loss in outcome.losses
    mesh = objective.mesh(48)

    def inside(grow: float) -> np.ndarray:
        return np.all(np.abs(mesh.vertices) <= SIZES + grow, axis=1)

    assert inside(0.06).mean() > 0.95 and inside(-0.06).mean() < 0.05
    assert mesh.volume == pytest.approx(8 * SIZES.prod(), rel=0.25)
    red, green, blue = np.median(mesh.vertex_colors[:, :3], 0)
    assert blue > 130 > max(red, green)
    views = objective.views()
    assert views.shape == (4, 24, 24, 4)
    assert views[:, 12, 12, 3].min() > 200  # the brick is in the middle, and the preview shows all of it
    assert views[:, [0, -1], :, 3].max() < 30 and views[:, :, [0, -1], 3].max() < 30


def drawn(recipe, count):
    generator = torch.Generator().manual_seed(0)
    return [camera for _ in range(count) for camera in recipe.cameras(0, generator)]


def test_random_cameras_have_the_published_distribution():
    """Distances, lenses and heights of dreamfusion-sd.yaml without the perturbations, around all of the azimuth; half
    of the heights even in the angle, half in its sine."""
    calm = replace(text_prior.STABLE_DIFFUSION, position_noise=0.0, centre_noise=0.0, up_noise=0.0)
    cameras = drawn(calm, 4000)
    azimuth, elevation, distance = view_angles(cameras)
    lens = np.array([camera.fov_deg for camera in cameras])
    for values, low, high in ((azimuth, -180, 180), (distance, 1.5, 2), (lens, 40, 70)):
        values = np.asarray(values)
        assert low <= values.min() + 1e-4 and values.max() - 1e-4 <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.04 * (high - low))
        assert values.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.05)
    low, high = math.sin(math.radians(-10)), math.sin(math.radians(45))
    below = float((elevation < 17.5).float().mean())
    expected = 0.5 * 0.5 + 0.5 * (math.sin(math.radians(17.5)) - low) / (high - low)
    assert below == pytest.approx(expected, abs=0.03)
    assert -10.01 <= elevation.min() and elevation.max() <= 45.01
    assert cameras[0].width == 64 and len(calm.cameras(0, torch.Generator())) == 1


def test_camera_perturbations_have_the_published_size():
    """Mean square distance of the origin from the optical axis: two of three axes of N(0, 0.2), and of U(-0.1, 0.1)
    scaled away from the centre of attention; uprights lean by N(0, 0.02)."""
    cameras = drawn(text_prior.STABLE_DIFFUSION, 3000)
    misses, lean = [], []
    for camera in cameras:
        right, _, back, place = camera.cam_to_world[:3].unbind(1)
        misses.append(float(torch.linalg.cross(place, back).square().sum()))
        lean.append(float(right[2]))
        assert torch.linalg.det(camera.cam_to_world[:3, :3]) == pytest.approx(1, abs=1e-4)
    assert np.mean(misses) == pytest.approx(2 * 0.2**2, rel=0.12)
    assert np.std(lean) == pytest.approx(0.02, rel=0.2)


def test_shading_starts_as_albedo_and_is_random_later():
    recipe, generator = text_prior.STABLE_DIFFUSION, torch.Generator().manual_seed(0)
    assert {recipe.draw_shading(2000, generator) for _ in range(200)} == {"albedo"}
    shares = [recipe.draw_shading(2001, generator) for _ in range(4000)]
    for shading, share in (("albedo", 0.25), ("textureless", 0.375), ("lambertian", 0.375)):
        assert shares.count(shading) / 4000 == pytest.approx(share, abs=0.03)
    assert recipe.shortened(1000).albedo_steps == pytest.approx(200.1)
    assert recipe.shortened(1000).weight("orientation", 250) == pytest.approx(recipe.weight("orientation", 2500))


def test_guidance_follows_the_conditions_that_the_prior_returns():
    """By hand: none, classifier-free, and Perp-Neg with a negative that is perpendicular."""
    x, e = torch.zeros(1, 1, 1, 2), torch.eye(2).view(2, 1, 1, 1, 2)
    assert torch.equal(guided(Denoised(e[0]), 5.0), e[0])
    assert torch.equal(guided(Denoised(e[0], x), 5.0), 5 * e[0])
    told = Denoised(e[0], x, [e[1]], torch.tensor([[-0.5]]))
    torch.testing.assert_close(guided(told, 4.0), 4 * e[0] - 2 * e[1])


def test_recipes_depend_on_the_weights():
    parameters = DREAMFUSION.check({})

    def choose(model, **changes):
        return choose_recipe(model, replace(parameters, **changes))

    large, tiny = SimpleNamespace(vae=1, is_starter=False), SimpleNamespace(vae=1, is_starter=True)
    assert choose(large) == text_prior.STABLE_DIFFUSION and choose(large).guidance_scale == 100
    assert choose(SimpleNamespace(vae=None, is_starter=False)) == text_prior.DEEP_FLOYD
    assert choose(tiny) == text_prior.STARTER
    told = choose(large, steps=500, guidance_scale=30.0)
    assert (told.steps, told.guidance_scale) == (500, 30)
    weights = choose(tiny, surface="distance").weights
    assert (weights["eikonal"], weights["silhouette"], weights["picture"], weights["opaqueness"]) == (3, 5, 500, 0)
    assert "silhouette" not in choose(large, surface="distance").weights


def test_the_field_starts_as_magic3ds_blob():
    """Magic3D's: softplus(10 (1 - |x| / 0.5)) when the network says nothing, in the cube that the recipe names."""
    points = torch.tensor([[0.0, 0, 0], [0.25, 0, 0], [0.5, 0, 0]])
    for recipe in (text_prior.SMALL, text_prior.STABLE_DIFFUSION):
        field = make_field(recipe, 0)
        assert field.bounds == (-recipe.half_size, recipe.half_size)
        expected = torch.tensor([10.0, 5.0067, 0.6931])
        torch.testing.assert_close(field.value(points).detach(), expected, atol=0.02, rtol=0.02)


def test_a_signed_distance_field_starts_as_a_centred_ball():
    for recipe in (text_prior.SMALL, text_prior.STABLE_DIFFUSION):
        field, radius = make_field(recipe, 0, "distance"), 7 / 12 * recipe.half_size
        points = torch.tensor([[0.0, 0, 0], [radius, 0, 0], [0, recipe.half_size, 0]])
        assert field.is_sdf and field.bounds == (-recipe.half_size, recipe.half_size)
        expected = torch.tensor([-radius, 0.0, recipe.half_size - radius])
        torch.testing.assert_close(field.value(points).detach(), expected, atol=1e-3, rtol=0)


def test_the_mesh_fits_the_cube():
    mesh = brick()
    fitted = fill_cube(Mesh(mesh.vertices * 3 + 1, mesh.faces, mesh.vertex_colors))
    assert np.abs(fitted.vertices).max(0) == pytest.approx(SIZES / 0.7, abs=1e-5)


@pytest.mark.skipif(not any(STARTER_TEXT.rglob("*.safetensors")), reason="the built-in weights are missing")
@pytest.mark.parametrize("surface", ["density", "distance"])
def test_a_starting_mesh_keeps_its_position_and_colours(surface):
    """One step does not change it much: it comes back as it went, and is not made to fill the cube."""
    values = DREAMFUSION.check(
        {"start": "mesh", "steps": 1, "mesh_resolution": 48, "device": "cpu", "surface": surface}
    )
    begun = Request("dreamfusion", {"prompt": "a box", "mesh": brick()}, values)
    mesh = dreamfusion.run(begun, Progress()).mesh
    assert np.abs(mesh.vertices).max(0) == pytest.approx(SIZES, abs=0.03)
    assert mesh.vertex_colors[:, :3].mean(0) == pytest.approx(np.array([40, 60, 180]), abs=25)
    with pytest.raises(ParameterError, match="no mesh to start from"):
        dreamfusion.run(Request("dreamfusion", {"prompt": "a box"}, values), Progress())
