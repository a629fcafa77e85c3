# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG (Li et al. 2025): an image -> latents by a rectified flow -> the field of a closed shape -> mesh. It gives no
colours: these come from the image."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..input_view.match_view import match_view
from ..input_view.picture_colors import NOT_PROJECTED, PROJECTED, UNMATCHED, finish_mesh, paint_picture
from ..input_view.turn_to_view import turn_to_view
from ..interface.errors import ImageError
from ..interface.tasks import TripoSGParameters
from ..meshing.clean import keep_components, remove_degenerate
from ..meshing.coarse_lattice import lattice_points
from ..meshing.marching_cubes import CHUNK, extract
from ..meshing.texture import NO_TEXTURE, decimate_for, nearest_vertex_colors
from ..preprocess.background import remove_background
from ..preprocess.selection import warn_of_parts
from ..preprocess.triposg_input import dinov2_input, triposg_picture
from ..reconstruction.triposg.model import HALF, TripoSG
from ..rendering.four_views import render_views
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import to_bytes
from ..runtime.model_cache import ModelCache
from ..runtime.progress import Progress
from ..weights.loaders.triposg import check_triposg, find_triposg, load_triposg
from . import MeshResult, Request

# Seconds on a graphics card, models not loaded.
STAGES: dict[str, float] = {
    "Preparing": 1,
    "Loading weights": 10,
    "Reading the image": 1,
    "Shape": 40,
    "Surface": 10,
    "Colors": 2,
}
TEXTURE_STAGE = {"Texture": 8.0}
FIRST = 64  # cells a side of the lattice that is asked first, and of the mesh that is shown first
MIN_PIECE = 0.003  # volume of a piece that is kept, as a share of the largest one's
# Rows: its x, y and z axes in Blender's frame. Its y is up, as in the .glb files that its release writes. Which side is
# the image's is not published; +z is glTF's front, and MV-Adapter, which paints its meshes, sees the image from there.
AXES = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)
BLENDERS_HALF = 0.5  # half side of the cube that the object fits; TripoSG's fits a half side of 1


def run(request: Request[TripoSGParameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> mesh, its front (-Y) the image's view; four views of it."""
    parameters = request.parameters
    progress.plan(STAGES | (TEXTURE_STAGE if parameters.texture != NO_TEXTURE else {}))
    progress.update("Preparing", 0, 1)
    device, folder = choose_device(parameters.device), find_triposg(parameters.weights)
    if (folder, device) not in load:
        check_triposg(folder)
    cutout = remove_background(request.inputs["image"], parameters.remove_background, str(device))
    pixels = dinov2_input(triposg_picture(cutout.image))
    progress.update("Loading weights", 0, 1)
    model = load.reporting(lambda done, total: progress.update("Loading weights", done, total), folder, device)
    progress.update("Reading the image", 0, 1)
    tokens = model.see(pixels)
    latents = sample_latents(model, tokens, parameters, request.seed, progress)
    mesh = to_mesh(model, latents, cutout.image, parameters, progress)
    progress.update("Colors", 0, 1)
    mesh, facts = color(mesh, cutout.image, parameters, progress)
    if warnings := [*warn_of_parts(cutout.image), *([facts["warning"]] if "warning" in facts else [])]:
        facts["warning"] = " ".join(warnings)
    return MeshResult(mesh, render_views(mesh), {"background": cutout.note, "device": str(device)} | facts)


load = ModelCache(load_triposg)


def sample_latents(
    model: TripoSG, tokens: Tensor, parameters: TripoSGParameters, seed: int, progress: Progress
) -> Tensor:
    """The latents (1, N, C) of a shape for an image's tokens. Raises Cancelled."""
    steps = parameters.num_inference_steps
    progress.update("Shape", 0, steps)
    noise = torch.randn(
        1, parameters.latents, model.transformer.sizes.latent, generator=torch.Generator().manual_seed(seed)
    )
    latents, sampled = noise, model.sample(tokens, noise, steps, parameters.guidance_scale)
    for i in range(steps):
        latents = next(sampled)
        progress.update("Shape", i + 1, steps)
    return latents


def to_mesh(
    model: TripoSG, latents: Tensor, rgba: np.ndarray, parameters: TripoSGParameters, progress: Progress
) -> Mesh:
    """The clean mesh in Blender's frame, in the usual colour of an image (H, W, 4). Shows a coarse one first.

    Raises ImageError.
    """
    progress.update("Surface", 0, 1)
    shape, evaluated = model.decode(latents), 0

    def count(points: int) -> None:
        nonlocal evaluated
        evaluated += points
        progress.update("Surface", evaluated, evaluated + 4 * CHUNK)

    def field(points: Tensor) -> Tensor:
        """Values that are outside at the border, so that the surface is closed there."""
        values = model.query(shape, points, count)
        return values.where(points.abs().amax(1) < HALF * (1 - 1e-5), -1)

    resolution = parameters.mesh_resolution
    cells = min(FIRST, resolution)
    first = field(lattice_points(HALF, cells, model.device)).view((cells + 1,) * 3).cpu().numpy()
    if not np.isfinite(first).all():
        raise ImageError("The shape has values that are not numbers.", "Try another seed, or the CPU as the device.")

    def build(resolution: int) -> Mesh:
        bounds = (-HALF, HALF)
        vertices, faces = extract(field, resolution, bounds, 0.0, "positive", cells, model.device, first)
        if not len(faces):
            raise ImageError("The model made no solid object.", "Try another seed or image.")
        colors = np.tile(usual_color(rgba), (len(vertices), 1))
        return keep_components(Mesh(to_blender(vertices), faces, colors), MIN_PIECE)

    if resolution > FIRST:
        with suppress(ImageError):  # too thin for the large cells
            show(build(FIRST), rgba, parameters, progress)
    return remove_degenerate(build(resolution))


def to_blender(points: np.ndarray) -> np.ndarray:
    """Points (N, 3) from the model's frame to Blender's, where the object fits the cube [-0.5, 0.5]^3."""
    return (points * np.float32(BLENDERS_HALF)) @ AXES


def usual_color(rgba: np.ndarray) -> np.ndarray:
    """The median colour of an object in its cut-out image (H, W, 4), uint8 RGBA (4,)."""
    color = np.median(rgba[rgba[..., 3] > 0.5, :3], axis=0)
    return to_bytes(np.append(color, 1.0))


def show(mesh: Mesh, rgba: np.ndarray, parameters: TripoSGParameters, progress: Progress) -> None:
    """Preview a coarse mesh, where that is wanted with the image's colours, and four views of it."""
    if parameters.match_picture:
        mesh, _ = turn_to_view(mesh, rgba[..., 3], progress.check)
        view, _ = match_view(mesh, rgba)
        mesh = mesh if view is None else paint_picture(mesh, view)
    progress.preview(render_views(mesh), mesh)


def color(
    mesh: Mesh, rgba: np.ndarray, parameters: TripoSGParameters, progress: Progress
) -> tuple[Mesh, dict[str, Any]]:
    """The mesh with fewer faces, turned to the view of the cut-out image (H, W, 4), in its colours; and facts."""
    view, facts = None, dict[str, Any](picture=NOT_PROJECTED)
    mesh = decimate_for(mesh, parameters)
    if parameters.match_picture:
        mesh, turn = turn_to_view(mesh, rgba[..., 3], progress.check)
        view, camera = match_view(mesh, rgba)
        if turn:
            facts["turned_deg"] = turn
        if view is not None:
            facts |= {"picture": PROJECTED, "picture_camera": camera}
        elif camera:
            facts["warning"] = UNMATCHED.format(100 * camera["iou"])
    report, unseen = (lambda i, n: progress.update("Texture", i, n)), parameters.unseen_sides
    return finish_mesh(mesh, parameters, nearest_vertex_colors(mesh), view, report, unseen), facts
