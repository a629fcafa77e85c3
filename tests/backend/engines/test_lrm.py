# SPDX-License-Identifier: GPL-3.0-or-later
"""The LRM engine on published layouts whose planes hold a known box, and on densities that tell no surface."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from safetensors.torch import save_file
from scipy.spatial import cKDTree

from backend.__main__ import main
from backend.engines import Request, lrm
from backend.input_view.picture_colors import NOT_PROJECTED, PROJECTED
from backend.interface.catalog import WeightsError
from backend.interface.errors import ImageError
from backend.interface.tasks import task
from backend.interface.view_set import FOV_DEG, RADIUS
from backend.meshing.marching_cubes import triangulate
from backend.meshing.texture import rasterise_uv
from backend.preprocess.framing import frame
from backend.preprocess.image import encode_png
from backend.preprocess.input_camera import vary
from backend.reconstruction.lrm.source_camera import source_camera
from backend.rendering.cameras import Camera, orbit
from backend.rendering.rasteriser import render_mesh
from backend.runtime.progress import Cancelled, Progress
from backend.weights.loaders.lrm import load_lrm
from backend.weights.store.store import STARTER
from tests.support.checkpoints import BIAS, BOX, SLOPE, boxed_lrm

HEADS = '{"heads": 4, "image_size": %d, "encoder": {"heads": %d}}'


def save(folder: Path, name: str, **values: float) -> str:
    save_file(boxed_lrm(name, **values), folder / "model.safetensors")
    (folder / "lrm.json").write_text(HEADS % ((112, 4) if name == "triposr" else (56, 3)))
    return str(folder)


def picture(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    image = np.zeros((64, 64, 4), np.float32)
    for top, bottom, left, right in boxes or ((10, 50, 20, 45),):
        image[top:bottom, left:right] = 1, 0.5, 0, 1
    return image


def ask(weights: str, image: np.ndarray | None = None, progress: Progress | None = None, seed: int = 0, **values: Any):
    parameters = task("lrm").check({"mesh_resolution": 64, "weights": weights, **values})
    inputs = {"image": picture() if image is None else image}
    return lrm.run(Request("lrm", inputs, parameters, seed), progress or Progress())


@pytest.mark.parametrize("name", ["triposr", "openlrm"])
def test_the_mesh_has_blenders_axes(name, tmp_path):
    """TripoSR's front is +X, which becomes Blender's front -Y; OpenLRM's axes are Blender's own."""
    result = ask(save(tmp_path, name), match_picture=False)
    low, high = result.mesh.vertices.min(0), result.mesh.vertices.max(0)
    ends = {axis: (cells.start / 8 - 0.5, cells.stop / 8 - 0.5) for axis, cells in BOX.items()}
    expected = [ends["y"], (-ends["x"][1], -ends["x"][0])] if name == "triposr" else [ends["x"], ends["y"]]
    np.testing.assert_allclose(np.stack([low, high], 1), [*expected, ends["z"]], atol=1 / 16)
    assert result.mesh.is_closed and result.mesh.volume > 0
    assert (result.mesh.vertex_colors[:, :3].mean(0) > [200, 0, 0]).tolist() == [True, False, False] or (
        result.mesh.vertex_colors[:, 0].mean() > 4 * result.mesh.vertex_colors[:, 1].mean()
    )
    assert result.views.shape == (4, 128, 128, 4) and (result.views[..., :3] < 200).any((1, 2, 3)).all()
    commercial = "commercially" in result.facts.get("warning", "")
    assert commercial == (name == "openlrm")


def test_coarse_to_fine_finds_what_the_dense_grid_finds(tmp_path):
    folder = save(tmp_path, "triposr")
    mesh = ask(folder, max_faces=0).mesh
    model, _ = load_lrm(tmp_path)
    scene = model.encode(torch.zeros(1, 3, 112, 112))
    axis = torch.linspace(-0.87, 0.87, 65)
    density = model.density(model.query(scene, torch.cartesian_prod(axis, axis, axis)[None])[0]).view(65, 65, 65)
    vertices, faces = triangulate(density.numpy(), 25.0)
    dense = (vertices / 64 - 0.5) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]).T
    assert len(faces) == len(mesh.faces)
    order = [np.lexsort(np.round(v, 4).T) for v in (dense, mesh.vertices)]
    np.testing.assert_allclose(mesh.vertices[order[1]], dense[order[0]], atol=0.25 / 64)


def test_a_faint_object_gets_a_threshold_of_its_own(tmp_path):
    """At most exp(40 * 3 - 2.4 * 49 - 1) = 4.06, where TripoSR asks for 25."""
    result = ask(save(tmp_path, "triposr", bias=-49.0))
    largest = np.exp(40 * 3 - 2.4 * 49 - 1)
    assert result.facts["threshold"] == pytest.approx(largest / 2, rel=0.02)
    assert "lowered" in result.facts["warning"] and len(result.mesh.faces)


@pytest.mark.parametrize(
    ("bias", "slope", "told"),
    [(-100.0, 1.0, "nothing solid"), (4.0, 0.0, "nearly everywhere"), (90.0, 0.0, "explodes")],
)
def test_densities_without_a_surface_are_reported(bias, slope, told, tmp_path):
    with pytest.raises(ImageError, match=told) as caught:
        ask(save(tmp_path, "triposr", bias=bias, slope=slope))
    assert caught.value.remedy


def test_images_without_exactly_one_object_are_refused_or_warned_about(tmp_path):
    folder = save(tmp_path, "triposr")
    with pytest.raises(ImageError, match="transparent"):
        ask(folder, np.zeros((64, 64, 4), np.float32))
    with pytest.raises(ImageError, match="too small"):
        ask(folder, picture((10, 60, 30, 32)))
    result = ask(folder, picture((10, 50, 5, 25), (10, 50, 35, 60)))
    assert "2 separate parts" in result.facts["warning"]


def test_weights_of_another_kind_are_refused_before_anything_else(tmp_path):
    save_file({"model.diffusion_model.out.0.bias": torch.zeros(2)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match="neither TripoSR nor OpenLRM"):
        ask(str(tmp_path), np.zeros((64, 64, 4), np.float32))
    with pytest.raises(WeightsError, match="did you mean 'triposr'"):
        ask("triposor")


def test_every_stage_can_be_cancelled(tmp_path):
    folder = save(tmp_path, "triposr")
    for stage in lrm.STAGES:
        seen: list[str] = []
        progress = Progress(
            lambda p, seen=seen: seen.append(p.stage), None, lambda seen=seen, stage=stage: stage in seen
        )
        with pytest.raises(Cancelled):
            ask(folder, progress=progress)


def test_the_starter_keeps_the_images_outline_and_front_colours():
    image = np.zeros((200, 200, 4), np.float32)
    image[20:180, 40:80] = image[140:180, 40:160] = (1, 0, 0, 1)  # an L, red at the left and blue at the right
    image[140:180, 100:160, :3] = (0, 0, 1)
    result = ask("starter", image)
    assert np.abs(result.mesh.vertices).max() < 0.6 and np.ptp(result.mesh.vertices, 0).min() > 0.05
    camera = Camera(orbit(0, result.facts["elevation_deg"], RADIUS), FOV_DEG, 256, 256)
    seen, shown = (frame(p, 96)[0] for p in (render_mesh(result.mesh, camera).numpy(), image))
    a, b = seen[..., 3] > 0.5, shown[..., 3] > 0.5
    assert (a & b).sum() > 0.85 * (a | b).sum()
    assert np.abs(seen - shown)[a & b].mean() < 0.1
    free = ask("starter", image, mesh_resolution=32, match_picture=False, auto_elevation=False, elevation_deg=35)
    assert free.facts["elevation_deg"] == 35 and len(free.mesh.faces)


@pytest.mark.parametrize("depth", [0.3, 1.5])
def test_the_starters_mesh_has_the_requested_depth(depth):
    image = np.zeros((64, 64, 4), np.float32)
    image[10:54, 20:44] = (0.7, 0.4, 0.2, 1)
    result = ask("starter", image, mesh_resolution=48, depth=depth, texture="512")
    wide, deep, _ = np.ptp(result.mesh.vertices, axis=0)
    assert deep / wide == pytest.approx(depth, rel=1e-4) and result.facts["depth"] == depth
    assert result.mesh.texture is not None
    free = ask("starter", image, mesh_resolution=48)
    wide, deep, _ = np.ptp(free.mesh.vertices, axis=0)
    assert free.facts["depth"] == pytest.approx(deep / wide, abs=0.006)


def command(folder: str, image: np.ndarray, output: Path, *more: str) -> int:
    (output.parent / "image.png").write_bytes(encode_png(image))
    settings = [word for value in (f"weights={folder}", "mesh_resolution=64", *more) for word in ("--set", value)]
    given = ["--image", str(output.parent / "image.png"), "--output", str(output)]
    return main(["generate", "--engine", "lrm", *given, *settings, "--json"])


def test_the_command_line_reports_every_outcome(tmp_path, capfd):
    two = picture((10, 50, 5, 25), (10, 50, 35, 60))
    for bias, slope, image, told in (
        (-100.0, 1.0, picture(), "nothing solid"),
        (90.0, 0.0, picture(), "explodes"),
        (BIAS, SLOPE, np.zeros((64, 64, 4), np.float32), "transparent"),
    ):
        folder = tmp_path / told  # each of its own: a model that was read from one stays
        folder.mkdir()
        assert command(save(folder, "triposr", bias=bias, slope=slope), image, tmp_path / "a.ply") == 2
        failure = json.loads(capfd.readouterr().out)
        assert not failure["ok"] and told in failure["message"] and failure["remedy"]
        assert not (tmp_path / "a.ply").exists()
    assert command(save(tmp_path, "triposr"), two, tmp_path / "a.glb", "texture=512") == 0
    answer = json.loads(capfd.readouterr().out)
    assert "2 separate parts" in answer["report"]["warning"]
    read = trimesh.load(tmp_path / "a.glb", force="mesh")
    assert isinstance(read, trimesh.Trimesh) and isinstance(read.visual, trimesh.visual.TextureVisuals)
    assert read.visual.material.baseColorTexture.size == (512, 512)
    red, green, blue = np.asarray(read.visual.material.baseColorTexture).reshape(-1, 3).mean(0)
    assert red > 4 * max(green, blue)


@pytest.mark.parametrize("name", ["triposr", "openlrm"])
def test_a_texture_shows_the_field_between_the_vertices(name, tmp_path):
    """A mesh too coarse for its vertices to tell; the field is asked in the model's frame, wherever the mesh lies."""
    folder = save(tmp_path, name)
    mesh = ask(folder, texture="512", max_faces=300, match_picture=False).mesh
    assert mesh.uv is not None and mesh.texture is not None and len(mesh.faces) <= 300 and mesh.is_closed
    model, _ = load_lrm(tmp_path)
    size = model.architecture.image_size
    camera = None if name == "triposr" else source_camera(0, lrm.OPENLRM_HALF_TANGENT, 2.0)[None]
    scene = model.encode(torch.zeros(1, 3, size, size), camera)
    texel, face, weight = (np.concatenate(part) for part in list(zip(*rasterise_uv(mesh.uv, 512), strict=True))[:3])
    points = (mesh.vertices[mesh.faces[face]] * weight[..., None]).sum(1) * (2 * model.architecture.radius)
    if name == "triposr":  # front and right are x and y there
        points = np.stack([-points[:, 1], points[:, 0], points[:, 2]], 1)
    expected = model.query(scene, torch.from_numpy(points[None].astype(np.float32)))[1][0]
    np.testing.assert_allclose(mesh.texture.reshape(-1, 4)[texel, :3], expected * 255, atol=2)
    assert name == "openlrm" or np.ptp(mesh.texture[..., 0]) > 20  # TripoSR's red fades with the density


@pytest.mark.parametrize("name", ["triposr", "openlrm"])
def test_published_models_get_the_image_where_its_outline_is_the_meshs(name, tmp_path):
    """A blue picture of the mesh from 10 degrees above its front; and one of a cross, which the mesh is not."""
    folder = save(tmp_path, name)
    told = {"mesh_resolution": 48, "max_faces": 0, "texture": "off"}
    free = ask(folder, match_picture=False, **told).mesh
    image = render_mesh(free, Camera(orbit(0, 10, RADIUS), 50, 128, 128)).numpy()
    image[..., :3] = 0, 0, 1
    found = ask(folder, image, **told)
    front = found.mesh.vertex_normals[:, 1] < -0.9
    assert front.any() and np.abs(found.mesh.vertex_colors[front, :3] - np.array([0, 0, 255])).mean() < 4
    back = found.mesh.vertex_normals[:, 1] > 0.9
    change = found.mesh.vertex_colors[:, 2] - free.vertex_colors[:, 2].astype(float)  # to more blue; it fades
    assert change[back].mean() < 0.9 * change[front].mean()
    assert found.facts["picture"] == PROJECTED and found.facts["picture_camera"]["iou"] > 0.95
    assert "not projected" not in found.facts.get("warning", "")
    cross = picture((2, 62, 28, 36), (28, 36, 2, 62))
    other = ask(folder, cross, **told)
    np.testing.assert_array_equal(other.mesh.vertex_colors, free.vertex_colors)
    assert other.facts["picture"] == NOT_PROJECTED and "not projected" in other.facts["warning"]
    assert "picture_camera" not in other.facts


def test_the_starters_surface_lies_where_its_output_is_minus_a_tenth():
    """Asked again at the vertices, without the picture's outline."""
    values = {"match_picture": False, "max_faces": 0}
    vertices = torch.from_numpy(ask("starter", **values).mesh.vertices)
    model, _ = load_lrm(STARTER / "lrm")
    with torch.no_grad():
        parameters = task("lrm").check(values)
        starter = lrm.StarterLRM(model)
        scene = starter.encode(starter.prepare(picture(), parameters, 0))
        raw = model.query(scene, vertices[None])[0]
    assert float(raw.median()) == pytest.approx(-0.1, abs=0.02)


def test_another_seed_stretches_the_starters_surface_by_what_it_draws():
    """Pulled back by the drawn factor, the vertices lie on the surface that the model gives without a seed; the depth
    changes by that factor, up to a cell at either end."""
    values = {"match_picture": False, "max_faces": 0, "auto_elevation": False, "elevation_deg": 25.0}
    first = ask("starter", **values)
    assert first.facts["depth_source"] == "estimated" and first.facts["elevation"] == "given"
    model, _ = load_lrm(STARTER / "lrm")
    starter = lrm.StarterLRM(model)
    with torch.no_grad():
        scene = starter.encode(starter.prepare(picture(), task("lrm").check(values), 0))
    for seed in (1, 2):
        factor = vary(0, seed)[1]
        made = ask("starter", seed=seed, **values)
        assert made.facts["depth_source"] == "drawn" and made.facts["elevation_deg"] == 25
        back = torch.from_numpy(made.mesh.vertices) / torch.tensor([1, factor, 1])
        with torch.no_grad():
            assert float(model.query(scene, back[None])[0].median()) == pytest.approx(-0.1, abs=0.02)
        deep, was = (np.ptp(mesh.vertices[:, 1]) for mesh in (made.mesh, first.mesh))
        assert deep == pytest.approx(factor * was, abs=2 * 1.2 * max(factor, 1) / 64)


def test_a_seed_gives_one_mesh_and_the_drawn_elevation():
    first, made, again = (ask("starter", seed=seed) for seed in (0, 3, 3))
    assert np.array_equal(made.mesh.vertices, again.mesh.vertices)
    assert np.array_equal(made.mesh.vertex_colors, again.mesh.vertex_colors)
    found = made.facts["elevation_deg"] - first.facts["elevation_deg"]
    assert found == pytest.approx(vary(0, 3)[0], abs=0.11)  # both are rounded
    assert (first.facts["elevation"], made.facts["elevation"]) == ("estimated", "drawn")


def test_a_seed_leaves_alone_what_is_given_and_published_weights(tmp_path):
    given = {"auto_elevation": False, "elevation_deg": 20, "depth": 0.8, "mesh_resolution": 48}
    folder = save(tmp_path, "triposr")
    for weights, values in (("starter", given), (folder, {})):
        first, other = (ask(weights, seed=seed, **values) for seed in (0, 7))
        assert np.array_equal(first.mesh.vertices, other.mesh.vertices) and first.facts == other.facts
        assert first.facts.get("depth_source", "given") == first.facts.get("elevation", "given") == "given"


@pytest.mark.parametrize("name", ["starter", "triposr", "openlrm"])
def test_a_coarse_mesh_is_shown_before_the_surface_is_done(name, tmp_path):
    """Each of its vertices lies within one of its cells, 1/32 of the cube, of the finished mesh."""
    events: list[Any] = []
    every = itertools.count().__next__  # a clock so fast that no update is left out
    progress = Progress(lambda p: events.append(p.stage), lambda *shown: events.append(shown), clock=every)
    mesh = ask(name if name == "starter" else save(tmp_path, name), progress=progress, max_faces=0).mesh
    [(i, (views, coarse))] = [(i, event) for i, event in enumerate(events) if isinstance(event, tuple)]
    assert "Surface" in events[i + 1 :] and "Colors" not in events[:i]
    assert views.shape == (4, 128, 128, 4) and 100 < len(coarse.vertices) < len(mesh.vertices) / 2
    cell = (1.2 if name == "starter" else 1) / 32
    distance, nearest = cKDTree(mesh.vertices).query(coarse.vertices)
    assert distance.max() <= cell
    if name == "starter":  # the box's colours change abruptly at its surface
        assert np.abs(coarse.vertex_colors.astype(float) - mesh.vertex_colors[nearest]).mean() < 16
