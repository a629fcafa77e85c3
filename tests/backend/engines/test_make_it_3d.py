# SPDX-License-Identifier: GPL-3.0-or-later
"""Make-It-3D against a prior that knows the object, and the three faults of the released code, which are not ours:
CLIP's judgement of the denoised picture had no gradient; the background's descriptor was learned and never drawn; the
second stage's SDS gradient was erased before the step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.diffusion.clip_similarity import ClipSimilarity, through, unlike
from backend.engines import Request
from backend.engines.make_it_3d import place_reference, refining_folder, solve
from backend.evaluation.metrics import psnr
from backend.fields import hash_field
from backend.input_view.view_colors import blended_colors, paint_vertices, view_with_depth
from backend.interface.tasks import MAKE_IT_3D
from backend.meshing.texture import nearest_vertex_colors
from backend.optimisation.image_objective import Reference
from backend.optimisation.loop import Run, optimise
from backend.optimisation.make_it_3d_coarse import (
    ClipDistillation,
    CoarseObjective,
    ReferenceFeatures,
    encode_reference,
)
from backend.optimisation.make_it_3d_refine import Descriptors, RefineObjective, reference_view, ring
from backend.optimisation.recipes import make_it_3d
from backend.optimisation.recipes.base import elements
from backend.optimisation.recipes.make_it_3d import RefineRecipe, choose_recipes
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.point_cloud import PointCloud, build_point_cloud
from backend.rendering.rasteriser import rasterise, render_mesh
from backend.runtime.progress import Progress
from tests.support.boxes import GREEN, RED, brick
from tests.support.oracle import OraclePrior
from tests.support.small_networks import clip_vision

COURSE = replace(
    make_it_3d.SMALL,
    milestones=(),
    reference_size=(24,),
    random_size=(24,),
    batch=(3,),
    section=0.04,
    rate=0.03,
    weights=dict(make_it_3d.SMALL.weights) | {"picture": 500},
).shortened(50)
FINE = RefineRecipe(
    steps=30,
    size=32,
    batch=2,
    azimuths=(0, 90, 180, -90),
    elevations=(15, 60, -60),
    channels=4,
    radius=1 / 32,
    guidance_scale=1.0,
    rate=0.003,
    point_rate=0.03,
    weights={"picture": 500, "color": 1000, "background": 1},
)


def judge() -> ClipSimilarity:
    """A CLIP that knows nothing."""
    torch.manual_seed(0)
    return ClipSimilarity(clip_vision(projection=8))


def see(truth: Mesh, likeness: ClipSimilarity | None, size: int = 48) -> ReferenceFeatures:
    camera = Camera(orbit(0, 15, 3.8), 20, size, size)
    depth = rasterise(torch.from_numpy(truth.vertices), torch.from_numpy(truth.faces).long(), camera).depth
    return encode_reference(Reference(render_mesh(truth, camera), camera), likeness, "", depth.clamp(max=10))


def test_the_first_stage_recovers_the_oracles_shape_and_colours():
    """Half a unit is 18 pixels: the surface lies within a pixel and a half (0.05)."""
    truth = brick()
    task = CoarseObjective(OraclePrior(truth, 24), hash_field.small(seed=0), see(truth, judge()), COURSE)
    outcome = optimise(task, Progress(), COURSE.steps, seed=0)
    assert {"color", "depth", "clip", "prior", "picture", "likeness"} <= outcome.losses.keys()
    mesh = task.mesh(48)

    def inside(margin: float) -> float:
        return float(np.all(np.abs(mesh.vertices) <= np.array([0.35, 0.15, 0.2]) + margin, axis=1).mean())

    assert inside(0.05) > 0.95 and inside(-0.06) < 0.05
    assert mesh.volume == pytest.approx(0.7 * 0.3 * 0.4, rel=0.25)
    expected = GREEN + (mesh.vertices[:, :1] + 0.35) / 0.7 * (RED - GREEN)
    assert np.abs(mesh.vertex_colors[:, :3] - expected).mean() < 0.08 * 255


def test_the_clip_loss_of_the_denoised_image_has_a_gradient_in_the_field():
    """Released fault 1. At little noise the SDS term pulls at nothing and CLIP's does: through the field's latents,
    exactly as it pulls at the denoised picture itself."""
    truth, likeness = brick(), judge()
    features, oracle = see(truth, likeness), OraclePrior(truth, 24)
    low = replace(COURSE, least_t=0.2, most_t=0.2, narrow_steps=1000)
    task = CoarseObjective(oracle, hash_field.small(seed=0), features, low)
    terms = task.random_view_terms(0, torch.Generator().manual_seed(0))
    parameters = list(task.field.parameters())
    pulls = torch.autograd.grad(terms["clip"], parameters, retain_graph=True)
    assert sum(float(g.abs().sum()) for g in pulls) > 1e-4
    assert all(not g.any() for g in torch.autograd.grad(terms["prior"], parameters))

    z = torch.rand(2, 3, 24, 24).requires_grad_()
    cameras = [Camera(orbit(a, 0, 3.8), 20, 24, 24) for a in (10, -30)]
    found, x0 = ClipDistillation(oracle, low, features).losses(z, cameras, 0, torch.Generator())
    ours = torch.autograd.grad(found["clip"], z)[0]
    clean = x0.clone().requires_grad_()
    truly = torch.autograd.grad(unlike(likeness.see(oracle.decode(clean)), features.image), clean)[0]
    torch.testing.assert_close(ours, truly)
    assert truly.abs().max() > 0


def test_sds_is_used_at_high_noise_and_behind_the_object():
    truth = brick()
    features, oracle = see(truth, judge()), OraclePrior(truth, 24)
    front, back = (Camera(orbit(a, 0, 3.8), 20, 24, 24) for a in (20, 160))
    for cameras, t, judged in (([front], 0.6, []), ([back], 0.2, []), ([front, back], 0.2, [0])):
        z = torch.rand(len(cameras), 3, 24, 24).requires_grad_()
        recipe = replace(COURSE, least_t=t, most_t=t, weighting="x0")
        terms, x0 = ClipDistillation(oracle, recipe, features).losses(z, cameras, 0, torch.Generator())
        assert ("clip" in terms) == bool(judged)
        pull = torch.autograd.grad(terms["prior"], z)[0]
        expected = elements(z) * (z.detach() - x0) / len(z)
        expected[judged] = 0
        torch.testing.assert_close(pull, expected)


def refining(weights: dict[str, float], wrong: bool = False, steps: int = 30) -> RefineObjective:
    """The second stage of the brick, whose points know the colours of the picture; all others are grey, or true."""
    truth = brick(4)
    features, recipe = see(truth, judge(), 64), replace(FINE, weights=weights, steps=steps)
    views = [reference_view(features.reference, truth, recipe.size)]
    for camera in ring(recipe, COURSE, recipe.size):
        color = render_mesh(truth, camera)[..., :3]
        views.append(view_with_depth(truth, camera, torch.full_like(color, 0.5) if wrong else color))
    grey = Mesh(truth.vertices, truth.faces, np.full_like(truth.vertex_colors, 127))
    return RefineObjective(OraclePrior(truth, 32), features, build_point_cloud(views), grey, recipe, COURSE)


def test_the_background_descriptor_is_composited_and_learned():
    """Released fault 2. Where no point is, the picture is the background's colour, and what is asked of it is felt."""
    task = refining({})
    behind = task.descriptors.background
    behind.data[:3] = torch.tensor([0.2, 0.6, 0.9])
    pictures, opacity = task.draw([Camera(orbit(40, 10, 3.8), 20, 32, 32)])
    empty = opacity[0] == 0
    assert 100 < int(empty.sum()) < 1000
    torch.testing.assert_close(pictures[0][:, empty].T, behind[:3].expand(int(empty.sum()), -1))
    torch.nn.init.normal_(task.network.color.weight)
    gradient = torch.autograd.grad(task.draw([Camera(orbit(40, 10, 3.8), 20, 32, 32)])[0].sum(), behind)[0]
    assert (gradient.abs() > 1e-6).all()  # the learned numbers too: at every scale


def test_sds_moves_the_points():
    """Released fault 3. With SDS alone, a step of the shared loop goes down the gradient of half the squared distance
    to what the oracle knows."""
    task = refining({"prior": 1.0}, wrong=True)
    task.coarse = task.distillation.recipe = replace(COURSE, least_t=0.9, most_t=0.9, weighting="x0")
    run = Run(task, 0)
    generator = torch.Generator().manual_seed(0)
    terms = task.random_view_terms(0, generator)
    points = task.descriptors.points
    ours = torch.autograd.grad(terms["prior"], points)[0]

    generator.manual_seed(0)
    cameras = task.coarse.cameras(task.coarse.steps, generator)[:2]
    cameras = [Camera(c.cam_to_world, c.fov_deg, 32, 32) for c in cameras]
    z, true = (task.prior.encode(p) for p in (task.draw(cameras)[0], task.prior.pictures(cameras)))
    expected = torch.autograd.grad(elements(z) * 0.5 * ((z - true) ** 2).sum() / 2, points)[0]
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)

    before = points.detach().clone()
    run.advance(0)
    moved = points.detach() - before
    assert points.grad is not None and (moved[:, :3] * points.grad[:, :3]).sum() < 0 < moved[:, :3].abs().max()


def test_the_second_stage_improves_colours():
    """Grey points behind, the picture's in front: pictures, and the mesh's vertices, come nearer to the truth."""
    task, truth = refining(dict(FINE.weights), wrong=True), brick(4)
    cameras = [Camera(orbit(a, e, 3.8), 20, 32, 32) for a, e in ((0, 15), (120, 0), (180, 30), (250, 20))]
    true = [np.asarray(on_white(render_mesh(truth, camera))) for camera in cameras]

    def quality() -> list[float]:
        return [psnr(seen, t) for seen, t in zip(task.images(cameras).numpy(), true, strict=True)]

    before, _ = quality(), optimise(task, Progress(), task.recipe.steps, seed=0)
    gains = np.subtract(quality(), before)
    assert (gains > 0).all() and gains[1:].mean() > 2
    painted = paint_vertices(task.surface, blended_colors(task.refined(), nearest_vertex_colors(task.surface)))
    inner = np.isclose(np.abs(truth.vertices), [0.35, 0.15, 0.2]).sum(1) == 1  # edges lie on the views' outlines
    off, grey = (
        np.abs(mesh.vertex_colors[inner, :3] - truth.vertex_colors[inner, :3].astype(float)).mean(1)
        for mesh in (painted, task.surface)
    )
    front = truth.vertices[inner, 1] < -0.149
    assert off.mean() < 0.5 * grey.mean() and front.sum() == 9 and off[front].max() < 12
    assert task.views().shape == (4, 32, 32, 4) and task.mesh(8) is task.surface


def test_details_finer_than_the_priors_resolution_get_no_gradient():
    """The oracle's picture, half as fine, with a chequered pattern upon it that it cannot see: nothing is asked."""
    task = refining({"picture": 1.0})
    task.prior = task.distillation.prior = OraclePrior(brick(4), 16)
    checks = 0.1 * ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2 - 1.0)

    def draw(cameras: list[Camera]) -> tuple[torch.Tensor, torch.Tensor]:
        known = task.prior.pictures(cameras).repeat_interleave(2, 2).repeat_interleave(2, 3)
        return known + checks, torch.ones(len(cameras), 32, 32)

    task.draw = draw
    assert task.random_view_terms(0, torch.Generator().manual_seed(0))["picture"].item() == pytest.approx(0, abs=1e-10)


def test_learned_parameters_start_with_the_recipes_values():
    cloud = PointCloud(torch.zeros(2000, 3), torch.rand(2000, 3), torch.zeros(2000, dtype=torch.int64))
    for spread in (0.0, 1.0, 2.0):
        points = Descriptors(cloud, 16, 0, spread).points
        assert torch.equal(points[:, :3], cloud.colors)
        assert points[:, 3:].std().item() == pytest.approx(spread, rel=0.02)


def on_white(rgba: torch.Tensor) -> torch.Tensor:
    return rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]


def test_the_stages_follow_each_other():
    """Two steps of each: the second stage's colours come with the mesh; without it, or of a job that the user ended,
    the first stage's."""
    truth = brick()
    features, parameters = see(truth, judge()), MAKE_IT_3D.check({"mesh_resolution": 32})
    task = CoarseObjective(OraclePrior(truth, 24), hash_field.small(seed=0), features, COURSE.shortened(2))
    mesh, views, outcomes, colors = solve(
        task, replace(FINE, steps=2), Request("make_it_3d", {}, parameters), Progress()
    )
    assert [outcome.steps for outcome in outcomes] == [2, 2] and len(mesh.faces) and views.shape == (4, 32, 32, 4)
    assert colors is not None and np.array_equal(paint_vertices(mesh, colors).vertices, mesh.vertices)
    for settings, progress in (
        (replace(parameters, refine=False), Progress()),
        (parameters, Progress(is_ending=lambda: True)),
    ):
        mesh, views, outcomes, colors = solve(task, FINE, Request("make_it_3d", {}, settings), progress)
        assert len(outcomes) == 1 and colors is None and len(mesh.faces) and views.shape == (4, 24, 24, 4)


def test_clipping_the_denoised_image_keeps_a_slope_of_one():
    z, x0 = torch.rand(1, 2, 3, 3).requires_grad_(), torch.rand(1, 2, 3, 3)
    y = through(z, x0)
    assert torch.equal(y.detach(), x0 + z.detach() - z.detach())
    assert torch.equal(torch.autograd.grad((y * x0).sum(), z)[0], x0)


def test_cameras_start_near_the_reference_and_spread_out():
    """45 degrees either way at first; then as released: 30 % in front, 20 % at each side, 30 % behind."""
    recipe, generator = make_it_3d.MAKE_IT_3D, torch.Generator().manual_seed(0)

    def azimuths(position: float) -> np.ndarray:
        cameras = [camera for _ in range(1500) for camera in recipe.cameras(position, generator)]
        places = np.stack([camera.position.numpy() for camera in cameras])
        radius, elevation = np.linalg.norm(places, axis=1), np.degrees(np.arcsin(places[:, 2] / places_norm(places)))
        assert radius.min() >= 3.8 - 1e-4 and radius.max() <= 5.7 + 1e-4 and np.abs(elevation).max() <= 20.01
        lens = np.array([camera.fov_deg for camera in cameras])
        assert 15 <= lens.min() < 15.5 and 24.5 < lens.max() <= 25
        return np.degrees(np.arctan2(places[:, 0], -places[:, 1]))

    first = azimuths(1999)
    assert 43 < np.abs(first).max() <= 45.01 and abs(first.mean()) < 3
    turned = np.abs(azimuths(2000))
    for low, high, share in ((0, 60, 0.3), (60, 135, 0.4), (135, 180.01, 0.3)):
        assert ((turned >= low) & (turned < high)).mean() == pytest.approx(share, abs=0.05)
    assert [recipe.is_behind(a) for a in (0, 134, 136, 180, -140, -130)] == [False, False, True, True, True, False]
    short = recipe.shortened(500)
    assert (short.narrow_steps, short.albedo_steps, short.weight("prior", 41) > 0) == (200, 350, True)


def places_norm(places: np.ndarray) -> np.ndarray:
    return np.linalg.norm(places, axis=1)


class Model:
    def __init__(self, is_starter: bool):
        self.is_starter = is_starter


def test_recipes_depend_on_the_weights():
    parameters = MAKE_IT_3D.check({})
    assert choose_recipes(Model(False), parameters) == (make_it_3d.MAKE_IT_3D, make_it_3d.REFINE)  # pyright: ignore
    assert choose_recipes(Model(True), parameters) == (make_it_3d.STARTER, make_it_3d.STARTER_REFINE)  # pyright: ignore
    coarse, fine = choose_recipes(Model(False), replace(parameters, steps=500, guidance_scale=7.0))  # pyright: ignore
    assert (coarse.steps, fine.steps, coarse.guidance_scale, fine.guidance_scale) == (500, 300, 7, 7)


def test_the_reference_camera_looks_from_the_front():
    reference = place_reference(np.zeros((8, 8, 4), np.float32), 30.0, make_it_3d.MAKE_IT_3D, torch.device("cpu"))
    expected = torch.tensor([0, -3.8 * 3**0.5 / 2, 1.9])
    torch.testing.assert_close(reference.camera.position, expected, atol=1e-5, rtol=0)


def test_the_second_stage_has_a_checkpoint_of_its_own(tmp_path):
    assert refining_folder(tmp_path) == tmp_path / "refining" == refining_folder(tmp_path)
    assert (tmp_path / "refining").is_dir() and refining_folder(None) is None
