# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of distillation: its gradient by hand, the reference at other sizes, latents' colours, what is asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.fields.hash_grid import HashGrid
from backend.fields.initial import Start
from backend.fields.renderer import Renderer
from backend.fields.sdf_field import SdfField
from backend.fields.voxel_field import VoxelField
from backend.optimisation import objective
from backend.optimisation.annealing import Schedule
from backend.optimisation.image_objective import ImageObjective, Reference
from backend.optimisation.objective import MAX_CAMERA_SHIFT, FieldObjective, Vanished, latent_colors, moved
from backend.optimisation.recipes.image_prior import SMALL
from backend.optimisation.rendered_views import BACKGROUND_DEPTH
from backend.process.failure import describe
from backend.rendering.cameras import Camera, orbit, rays
from backend.rendering.mesh import Mesh
from tests.support.oracle import LinearLatents, OraclePrior

TETRAHEDRON = Mesh(
    np.array([[0, -0.4, -0.3], [0.4, 0.3, -0.3], [-0.4, 0.3, -0.3], [0, 0, 0.4]]),
    np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]),
    np.array([[255, 0, 0, 255], [0, 200, 0, 255], [0, 0, 255, 255], [90, 90, 90, 255]], np.uint8),
)
TINY = replace(
    SMALL,
    milestones=(),
    reference_size=(8,),
    random_size=(8,),
    batch=(2,),
    least_t=0.5,
    most_t=0.5,
    section=0.1,
    weights={"prior": 1.0},
)


def make(recipe=TINY, method="sds", channels=3, codec=None) -> ImageObjective:
    field = VoxelField(6, channels, generator=torch.Generator().manual_seed(1))
    camera = Camera(orbit(0, 10, 3.8), 20, 8, 8)
    reference = Reference(torch.rand(8, 8, 4, generator=torch.Generator().manual_seed(2)), camera)
    return ImageObjective(OraclePrior(TETRAHEDRON, 16, codec), field, reference, recipe, method)


@pytest.mark.parametrize("method", ["sds", "sjc"])
def test_the_priors_gradient_equals_a_hand_made_vector_jacobian_product(method):
    """Same cameras and timestep; the residual against the oracle's picture, weighted, pulled back through renderer and
    encoder by one vector-Jacobian product."""
    made = make(method=method)
    loss = sum(made.losses(0, torch.Generator().manual_seed(5)).values())
    found = torch.autograd.grad(loss, list(made.field.parameters()))

    generator = torch.Generator().manual_seed(5)
    made = make(method=method)
    made.renderer.update(generator)
    cameras = TINY.cameras(0, generator)
    origins, directions = (torch.cat(part) for part in zip(*map(rays, cameras), strict=True))
    seen = (
        made.renderer.render(origins, directions, 1.0, generator=generator).color.view(2, 8, 8, 3).permute(0, 3, 1, 2)
    )
    z = torch.nn.functional.interpolate(seen, (16, 16), mode="bilinear", align_corners=False) * 2 - 1
    truth = OraclePrior(TETRAHEDRON, 16).pictures(cameras) * 2 - 1
    a = made.prior.alphas_cumprod[500].item()
    weight = (a * (1 - a)) ** 0.5 if method == "sds" else (a / (1 - a)) ** 0.5
    residual = weight * (z.detach() - truth) / 2 * (4096 / (3 * 16 * 16))
    expected = torch.autograd.grad(z, list(made.field.parameters()), residual)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_losses_with_weight_zero_are_not_computed():
    weights = {
        "prior": 1,
        "mask": 2,
        "sparsity random": 1,
        "depth_smoothness reference": Schedule((0, 0), (10, 1)),
        "near_view": 1,
    }
    made = make(replace(TINY, weights=weights))
    generator = torch.Generator().manual_seed(0)
    always = {"prior", "color", "mask", "sparsity random", "near_view"}
    assert set(made.losses(0, generator)) == always
    late = made.losses(5, generator)
    assert set(late) == always | {"depth_smoothness reference"} and late["color"].item() == 0
    with_normals = make(replace(TINY, weights={"orientation": 1, "normal_smoothness": 1, "normal_jitter": 1}))
    with_normals.field.density.data.normal_(generator=generator)
    terms = with_normals.losses(0, generator)
    for view in ("random", "reference"):
        assert terms[f"orientation {view}"] >= 0 and terms[f"normal_smoothness {view}"] > 0
    torch.stack(list(terms.values())).sum().backward()
    gradient = with_normals.field.density.grad
    assert gradient is not None and gradient.isfinite().all() and gradient.abs().max() > 0


def test_the_eikonal_loss_wants_a_gradient_of_length_one():
    """A sphere's distance gives 0; twice that distance, (2 - 1)^2."""
    made = make(replace(TINY, weights={"eikonal": 1}))
    made.field = SdfField(HashGrid(2, 4, 8, 8), hidden=4, radius=0.3)
    made.field.sdf_network[-1].weight.data.zero_()
    made.renderer = Renderer(made.field, 0.05)
    for factor, expected in ((1.0, 0.0), (2.0, 1.0)):
        made.field.value_from = lambda points, _, f=factor: f * (points.norm(dim=-1) - 0.3)
        terms = made.losses(0, torch.Generator().manual_seed(0))
        for view in ("random", "reference"):
            torch.testing.assert_close(terms[f"eikonal {view}"].item(), expected, atol=1e-5, rtol=0)


def test_the_eikonal_loss_samples_a_limited_number_of_points(monkeypatch):
    """No more than EIKONAL_POINTS, all of them sections', none twice, and not always the first."""
    monkeypatch.setattr(objective, "EIKONAL_POINTS", 7)
    points, generator = torch.arange(60.0).view(20, 3), torch.Generator().manual_seed(0)
    drawn = [objective.draw_points(points, generator)[:, 0].div(3).tolist() for _ in range(50)]
    assert all(len(set(d)) == 7 for d in drawn) and set().union(*drawn) == set(range(20))
    assert len(objective.draw_points(points[:4], generator)) == 4


def test_the_start_loss_measures_the_distance_from_the_starting_mesh():
    """All of the start's points are alike, so that their random choice does not matter: raw densities of 0 are
    softplus(-1) / 15 = 0.0209 of their level where the mesh's middle wants 2, which the Huber loss lowers by 0.05."""
    weights = {"prior": 1, "start": Schedule((3, 4), (10, 5))}
    made = make(replace(TINY, weights=weights))
    assert "start" not in made.losses(3, torch.Generator().manual_seed(0))
    made.start = Start(torch.zeros(5, 3), torch.full((5,), -1.0))
    found = made.losses(3, torch.Generator().manual_seed(0))["start"].item()
    assert found == pytest.approx(4 * (2 - 0.3132617 / 15 - 0.05), rel=1e-5)
    made.recipe = TINY
    assert "start" not in made.losses(3, torch.Generator().manual_seed(0))


def test_depth_is_composited_with_the_backgrounds_depth():
    made = make()
    seen = made.render([made.reference.camera], 0, torch.Generator().manual_seed(0))
    rendering = seen.rendering
    expected = rendering.depth * rendering.opacity + BACKGROUND_DEPTH * (1 - rendering.opacity)
    torch.testing.assert_close(seen.depth.flatten(), expected)
    corner = rays(made.reference.camera)
    assert seen.color.shape == (1, 3, 8, 8) and len(corner[0]) == 64


def test_the_reference_shrinks_with_its_colours_weighted_by_alpha():
    image = torch.zeros(2, 2, 4)
    image[0, 0] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    image[0, 1] = torch.tensor([0.0, 1.0, 0.0, 0.5])
    color, alpha, camera = Reference(image, Camera(orbit(0, 0, 2), 40, 2, 2)).at(1)
    assert alpha.item() == pytest.approx(1.5 / 4)
    assert color.flatten().tolist() == pytest.approx([1 / 4 + 2.5 / 4, 0.5 / 4 + 2.5 / 4, 2.5 / 4])
    assert (camera.width, camera.fov_deg) == (1, 40)


@pytest.mark.parametrize(("size", "distance"), [(8, MAX_CAMERA_SHIFT), (32, 2 * 2 * np.tan(np.radians(20)) / 32)])
def test_a_near_camera_is_at_most_a_pixel_away_and_looks_the_same_way(size, distance):
    camera = Camera(orbit(30, 20, 2), 40, size, size)
    near = moved(camera, torch.Generator().manual_seed(0))
    assert (near.position - camera.position).norm().item() == pytest.approx(distance, rel=1e-4)
    assert torch.equal(near.cam_to_world[:, :3], camera.cam_to_world[:, :3])


def test_latents_are_rendered_and_their_colours_found():
    """A codec that is linear: the map from latents to colours is its pseudo-inverse."""
    codec = LinearLatents(2)
    made = make(TINY, channels=4, codec=codec)
    assert made.is_latent and set(made.losses(0, torch.Generator().manual_seed(0))) == {"prior", "color", "mask"}
    white = codec.encode(torch.ones(1, 3, 2, 2))[0, :, 0, 0]
    torch.testing.assert_close(made.background, white)
    plain = torch.rand(8, 3, 1, 1, generator=torch.Generator().manual_seed(3)).expand(8, 3, 8, 8)
    some = torch.rand(50, 3, generator=torch.Generator().manual_seed(4))
    found = latent_colors(made.prior, codec.encode(plain))((some * 2 - 1) @ codec.mixture.T)
    torch.testing.assert_close(found, some, atol=1e-5, rtol=0)


def test_an_object_that_vanished_raises_an_error():
    field = VoxelField(8)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.fill_(-100.0)
    corners = np.eye(4, 3, dtype=np.float32)
    colors = np.full((4, 4), 255, np.uint8)
    truth = Mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32), colors)
    with pytest.raises(Vanished) as error:
        FieldObjective(OraclePrior(truth, 16), field, SMALL).mesh(16)
    failure = describe(error.value)
    assert failure.kind == "input" and "vanished" in failure.message and "another seed" in failure.remedy
