# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-1-to-3's reconstruction, driven by the oracle: what comes out is the object that the oracle knows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.engines import MeshResult, Request
from backend.engines.zero123_sds import run
from backend.fields import hash_field, sdf_field
from backend.fields.initial import fit_mesh
from backend.interface.parameters import ParameterError
from backend.interface.tasks import ZERO123_SDS
from backend.interface.view_set import RADIUS
from backend.optimisation.image_objective import ImageObjective, Reference
from backend.optimisation.loop import optimise
from backend.optimisation.objective import FieldObjective
from backend.optimisation.recipes import image_prior
from backend.optimisation.recipes.image_prior import make_field
from backend.optimisation.start import fit_into, starting_mesh
from backend.rendering.cameras import Camera, orbit
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Progress
from tests.support.boxes import GREEN, RED, brick
from tests.support.oracle import OraclePrior

COURSE = replace(
    image_prior.SMALL,
    milestones=(),
    reference_size=(24,),
    random_size=(24,),
    batch=(3,),
    section=0.04,
    rate=0.03,
).shortened(60)


def with_knob(mesh: Mesh) -> Mesh:
    """A mesh and a cube of 0.08 above and beside it, up to 0.39."""
    knob = mesh.vertices * (0.08 / np.ptp(mesh.vertices, axis=0)) + np.array([0.2, 0, 0.35])
    vertices, faces = np.concatenate([mesh.vertices, knob]), np.concatenate([mesh.faces, mesh.faces + len(knob)])
    return Mesh(vertices, faces)


def inside(points: np.ndarray, grow: float) -> np.ndarray:
    return np.all(np.abs(points) <= np.array([0.35, 0.15, 0.2]) + grow, axis=1)


@pytest.fixture(scope="module")
def recovered() -> tuple[Mesh, ImageObjective]:
    truth = brick()
    assert truth.volume == pytest.approx(0.7 * 0.3 * 0.4, rel=1e-4)  # closed, outward
    camera = Camera(orbit(0, 15, 3.8), 20, 48, 48)
    reference = Reference(render_mesh(truth, camera), camera)
    objective = ImageObjective(OraclePrior(truth, 24), hash_field.small(seed=0), reference, COURSE)
    outcome = optimise(objective, Progress(), COURSE.steps, seed=0)
    assert outcome.steps == 60 and outcome.recovered == 0
    return objective.mesh(48), objective


def test_the_shape_equals_the_oracles_object(recovered):
    """Half a unit is 18 pixels: the surface lies within a pixel and a half, and the volume is nearly the brick's."""
    mesh, _ = recovered
    assert inside(mesh.vertices, 0.05).mean() > 0.97
    assert inside(mesh.vertices, -0.05).mean() < 0.03
    assert mesh.volume == pytest.approx(0.7 * 0.3 * 0.4, rel=0.2)


def test_the_colours_equal_the_oracles_object(recovered):
    mesh, _ = recovered
    expected = GREEN + (mesh.vertices[:, :1] + 0.35) / 0.7 * (RED - GREEN)
    assert np.abs(mesh.vertex_colors[:, :3] - expected).mean() < 0.06 * 255


def test_depth_equals_the_true_meshs(recovered):
    """The brick's front face from in front: distance of the camera less half the depth of the brick."""
    _, objective = recovered
    camera = Camera(orbit(0, 0, 3.8), 20, 25, 25)
    seen = objective.render([camera], COURSE.steps, torch.Generator().manual_seed(0)).rendering
    assert seen.depth.view(25, 25)[10:15, 8:17].mean().item() == pytest.approx(3.8 - 0.15, abs=0.06)
    assert seen.opacity.view(25, 25)[12, 12] > 0.9 and seen.opacity.view(25, 25)[0, 0] < 0.1


def test_a_start_mesh_must_come_with_the_request():
    mesh = brick()
    assert starting_mesh("mesh", {"mesh": mesh}) is mesh and starting_mesh("nothing", {"mesh": mesh}) is None
    with pytest.raises(ParameterError, match="no mesh to start from") as caught:
        starting_mesh("mesh", {})
    assert caught.value.remedy.startswith("Select a mesh")


def test_a_starting_mesh_hardly_changes_when_the_prior_agrees():
    """Refined as the starter refines, by a prior that knows the brick: its volume and its faces stay where they are,
    and its colours, grey in the beginning, come nearer to the brick's: it refines, gently."""
    truth = brick()
    camera = Camera(orbit(0, 15, 3.8), 20, 48, 48)
    prior = OraclePrior(truth, 24)
    field = make_field("starter", "sds", 0, from_mesh=True)
    course = image_prior.refining(COURSE, gently=field.is_sdf)
    assert field.is_sdf and course.rate == image_prior.GENTLE_RATE and course.weight("eikonal random", 0) == 3
    grey = Mesh(truth.vertices, truth.faces, np.full_like(truth.vertex_colors, 128))
    start = fit_mesh(field, grey, seed=0)
    objective = ImageObjective(prior, field, Reference(render_mesh(truth, camera), camera), course, "sds", start)
    optimise(objective, Progress(), course.steps, seed=0)
    mesh = objective.mesh(48)
    assert inside(mesh.vertices, 0.025).mean() > 0.99 and inside(mesh.vertices, -0.025).mean() < 0.01
    assert mesh.volume == pytest.approx(0.7 * 0.3 * 0.4, rel=0.05)
    expected = GREEN + (mesh.vertices[:, :1] + 0.35) / 0.7 * (RED - GREEN)
    assert np.abs(mesh.vertex_colors[:, :3] - expected).mean() < 0.75 * np.abs(128 - expected).mean()
    assert not make_field("starter", "sds", 0).is_sdf and not make_field("starter", "sjc", 0, from_mesh=True).is_sdf


def test_a_starting_mesh_keeps_its_small_pieces():
    """A knob beside the brick, of 0.6 % of its volume: a cloud's crumb, but not a mesh's."""
    prior, field = OraclePrior(brick(), 24), sdf_field.small(seed=0)
    start = fit_mesh(field, with_knob(brick()), seed=0)
    tops = [FieldObjective(prior, field, COURSE, start=s).mesh(64).vertices[:, 2].max() for s in (None, start)]
    assert tops == pytest.approx([0.2, 0.39], abs=0.02)


def test_a_starting_mesh_is_normalised():
    """The brick's half diagonal is sqrt(0.35^2 + 0.15^2 + 0.2^2) = 0.430."""
    mesh = brick()
    assert fit_into(mesh) is mesh
    for scale, shift in ((8, 3), (0.1, 0), (1, 5)):
        fitted = fit_into(Mesh(mesh.vertices * scale + shift, mesh.faces, mesh.vertex_colors))
        assert np.ptp(fitted.vertices, axis=0) == pytest.approx(np.array([0.7, 0.3, 0.4]) * 0.5 / 0.4301, abs=1e-4)
        assert np.abs(fitted.vertices.max(0) + fitted.vertices.min(0)).max() < 1e-5


def one_step(mesh: Mesh, match: bool) -> MeshResult:
    """One step on the image of the brick, starting from a mesh; it changes the mesh hardly at all."""
    image = render_mesh(brick(), Camera(orbit(0, 0, 3.0), 30, 128, 128)).numpy()
    told = {"start": "mesh", "steps": 1, "auto_elevation": False, "elevation_deg": 0.0, "mesh_resolution": 48}
    values = ZERO123_SDS.check(told | {"match_picture": match, "remove_background": "never"})
    return run(Request("zero123_sds", {"image": image, "mesh": mesh}, values, 0), Progress())


@pytest.mark.parametrize("match, top", [(True, 0.2 * (RADIUS + 0.04) / (RADIUS - 0.15)), (False, 0.39)])
def test_match_picture_fits_outline_and_front_colours(match, top):
    """A grey brick with a knob above it. The image's outline is the brick's front edge, which hides part of the knob
    behind it."""
    mesh = with_knob(brick())
    found = one_step(Mesh(mesh.vertices, mesh.faces, np.full((len(mesh.vertices), 4), 128, np.uint8)), match)
    front = found.mesh.vertex_normals[:, 1] < -0.8
    expected = GREEN + (found.mesh.vertices[front, :1] + 0.35) / 0.7 * (RED - GREEN)
    assert (np.abs(found.mesh.vertex_colors[front, :3] - expected).mean() < 15) == match
    assert found.mesh.vertices[:, 2].max() == pytest.approx(top, abs=0.03)
    assert "warning" not in found.facts


def test_a_mesh_unlike_the_image_is_not_cut_to_its_outline():
    """The brick, standing on its end: 40 % of what either covers is covered by both."""
    standing = Mesh(brick().vertices[:, [2, 1, 0]] * [-1, 1, 1], brick().faces)
    found = one_step(standing, True)
    assert found.mesh.vertices[:, 2].max() == pytest.approx(0.35, abs=0.03)
    assert "does not lie over the image" in found.facts["warning"]
