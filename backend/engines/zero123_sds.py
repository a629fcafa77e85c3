# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero-1-to-3's 3D reconstruction (Liu et al. 2023, section 3.3): a field that looks like the input image from in
front, and from anywhere else as the diffusion model expects; by SDS (threestudio) or by SJC with voxels (3DRec)."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ..diffusion.prior import Prior, Zero123Prior
from ..diffusion.zero123 import Zero123
from ..fields import hash_field, sdf_field
from ..fields.field import Field
from ..fields.initial import fit_mesh
from ..fields.voxel_field import VoxelField
from ..input_view.input_view import INPUT_VIEW_SIZE, InputView, front_colors, match_silhouette, paint_front
from ..input_view.match_camera import match_camera, silhouette_iou
from ..interface.parameters import ParameterError
from ..interface.tasks import engine
from ..interface.view_set import FOV_DEG, RADIUS
from ..meshing.texture import decimate_and_texture, nearest_vertex_colors
from ..optimisation.loop import optimise
from ..optimisation.objective import Reconstruction, Reference
from ..optimisation.recipes import base
from ..optimisation.recipes.base import Recipe
from ..preprocess.background import remove_background
from ..preprocess.framing import frame
from ..preprocess.input_camera import input_camera
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import load_models, load_novel_view
from . import Request, Result, one2345

STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 2, "Start": 10, "Optimising": 100, "Surface": 4}
SMALLEST = 0.15  # a start whose farthest coordinate is less was not made for the cube
SMALL = 128  # pixels: a prior of smaller pictures gets a small field
ALIKE = 0.7  # overlap from which on the mesh to begin with is taken for one of what the picture shows
COARSE = (32, 16, 8)  # sides of the grids below that of 64
FEW_STEPS = 6.0  # gain of voxels that become solid in a hundred steps instead of thousands


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"], and perhaps a Mesh in inputs["mesh"] -> the mesh, its front (-Y)
    the image's view, and four views of it."""
    begin, parameters = time.monotonic(), request.parameters
    check_start(request)
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    cutout = remove_background(request.inputs["image"], parameters["remove_background"])
    progress.update("Loading weights", 0, 1)
    model = load(parameters)
    chosen = choose_recipe(model, parameters)
    prior, reference, elevation = look(model, cutout.image, chosen, parameters)
    progress.update("Start", 0, 1)
    mesh, start = find_start(request, progress), None
    picture = InputView(reference.image, reference.camera) if parameters["match_picture"] else None
    field = make_field(prior, parameters["method"], request.seed, mesh is not None).to(prior.alphas_cumprod.device)
    if mesh is not None:
        chosen = base.refining(chosen, gently=field.is_sdf)
        mesh = fit_into(mesh)
        start = fit_mesh(field, mesh, seed=request.seed, watch=partial(progress.update, "Start"))
    strange = picture is not None and mesh is not None and not shows(picture, mesh)
    task = Reconstruction(prior, field, reference, chosen, parameters["method"], start)
    outcome = optimise(task, progress, chosen.steps, 60 * parameters["minutes"] or None, request.seed)
    progress.update("Surface", 0, 1)
    mesh = to_mesh(task, None if strange else picture, parameters)
    facts = outcome.facts | {
        "background": cutout.note,
        "elevation_deg": round(elevation, 1),
        "picture_camera": match_camera(mesh, cutout.image[..., 3], elevation),
        "start": parameters["start"],
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "seconds": round(time.monotonic() - begin, 1),
    }
    if strange:
        facts["warning"] = "The mesh did not lie over the picture, so its outline and its front are not the picture's."
    return Result(mesh, task.views(), facts)


@torch.no_grad()
def to_mesh(task: Reconstruction, picture: InputView | None, parameters: dict[str, Any]) -> Mesh:
    """The clean coloured mesh, made true to a picture; to its outline only where the field is a distance."""
    resolution, field = parameters["mesh_resolution"], task.field
    if picture is None:
        return decimate_and_texture(task.mesh(resolution), parameters)
    outline = partial(match_silhouette, view=picture, reach=field.bounds[1]) if field.is_sdf else None
    mesh = task.mesh(resolution, outline)
    return decimate_and_texture(
        paint_front(mesh, picture), parameters, front_colors(mesh, picture, nearest_vertex_colors(mesh))
    )


def shows(picture: InputView, mesh: Mesh) -> bool:
    """Whether the mesh lies over the picture, where its camera sees it."""
    camera, seen = picture.camera.to("cpu"), picture.rgba[..., 3].cpu().numpy() >= 0.5
    middle = np.array([camera.width, camera.height]) / 2
    return silhouette_iou(mesh, camera.cam_to_world, seen, camera.focal, middle) >= ALIKE


def unload() -> None:
    """Drop the models that the fast engine kept for a start."""
    load_models.drop()


def load(parameters: dict[str, Any]) -> Zero123:
    device = choose_device(parameters["device"])
    if parameters["start"] == "fast":
        return load_models(parameters["weights"], device).zero123
    return load_novel_view(parameters["weights"], device)


def choose_recipe(model: Zero123, parameters: dict[str, Any]) -> Recipe:
    """The published settings for these weights, and what the user wants otherwise."""
    if parameters["method"] == "sjc":
        chosen = base.SJC if model.image_size >= SMALL else base.STARTER_SJC
    elif model.image_size < SMALL:
        chosen = base.STARTER
    else:
        chosen = base.STABLE_ZERO123 if model.kind == "stable-zero123" else base.ZERO123_XL
    scale = parameters["guidance_scale"] or chosen.guidance_scale
    return replace(chosen.shortened(parameters["steps"]), guidance_scale=scale)


def look(
    model: Zero123, rgba: np.ndarray, chosen: Recipe, parameters: dict[str, Any]
) -> tuple[Zero123Prior, Reference, float]:
    """What the model knows of the picture; the picture with its camera; and that camera's elevation in degrees.

    The starter sees its input framed, as if its camera had come closer: a narrower lens at the rig's distance.
    """
    device = model.clip_camera_projection.weight.device
    picture = torch.from_numpy(on_white(frame(rgba, model.image_size)[0])).permute(2, 0, 1)[None]
    picture = picture * 2 - 1
    condition = model.encode(picture.to(device))
    elevation, distance = input_camera(model.kind, picture, parameters)
    if model.kind != "starter":
        distance, fov = sum(chosen.radius) / 2, chosen.fov_deg
    else:
        fov = 2 * math.degrees(math.atan(math.tan(math.radians(FOV_DEG / 2)) * distance / RADIUS))
    image = torch.from_numpy(frame(rgba, INPUT_VIEW_SIZE)[0]).to(device)
    camera = Camera(orbit(0, elevation, sum(chosen.radius) / 2), fov, INPUT_VIEW_SIZE, INPUT_VIEW_SIZE)
    return Zero123Prior(model, condition, elevation, distance), Reference(image, camera), elevation


def make_field(prior: Prior, method: str, seed: int, begins: bool = False) -> Field:
    """begins: as a mesh, whose surface a signed distance keeps better than a small density does."""
    small = prior.image_size < SMALL
    if method == "sjc":
        generator = torch.Generator().manual_seed(seed)
        return VoxelField(64, gain=FEW_STEPS, coarse=COARSE) if small else VoxelField(100, generator=generator)
    if small and begins:
        return sdf_field.small(seed=seed, anneal=0, sharpness=sdf_field.SHARPNESS_FROM_MESH)
    return hash_field.small(seed=seed) if small else hash_field.published(seed=seed)


def check_start(request: Request) -> None:
    """ParameterError where the job should start with a mesh and none came."""
    if request.parameters["start"] == "mesh" and "mesh" not in request.inputs:
        raise ParameterError("Start is mesh, but there is none. Select a mesh in Blender, or name its file by --mesh.")


def find_start(request: Request, progress: Progress) -> Mesh | None:
    """The mesh to begin with: the one that came with the request, or what the fast engine makes."""
    start = request.parameters["start"]
    if start != "fast":
        return request.inputs["mesh"] if start == "mesh" else None
    shared = {"weights", "device", "remove_background", "auto_elevation", "elevation_deg"}
    values = engine("one2345").check({name: request.parameters[name] for name in shared})
    within = Progress(
        lambda p: progress.update("Start", round(100 * p.overall), 100),
        progress.preview,
        lambda: progress.check() is not None,
    )
    return one2345.run(Request("one2345", request.inputs, values, request.seed), within).mesh


def fit_into(mesh: Mesh) -> Mesh:
    """The mesh as an engine makes them: what does not fit the cube [-0.5, 0.5]^3, or is lost in it, is moved to the
    origin and scaled until its farthest vertex is half a unit away, as the starter's training data is."""
    if SMALLEST <= np.abs(mesh.vertices).max() <= 0.5:
        return mesh
    vertices = mesh.vertices - (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    return Mesh(vertices * (0.5 / np.linalg.norm(vertices, axis=1).max()), mesh.faces, mesh.vertex_colors)
