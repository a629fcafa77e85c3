# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM (Hong et al. 2024), TripoSR (Tochilkin et al. 2024) and OpenLRM: one picture -> feature planes -> mesh."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..input_view.input_view import INPUT_VIEW_SIZE, InputView, front_colors, match_silhouette, paint_front
from ..input_view.match_camera import match_camera
from ..interface import catalog
from ..interface.errors import ImageError
from ..interface.view_set import FOV_DEG, RADIUS
from ..meshing.clean import keep_components, remove_degenerate
from ..meshing.marching_cubes import extract
from ..meshing.texture import NO_TEXTURE, Colors, decimate_and_texture
from ..preprocess.background import remove_background
from ..preprocess.framing import frame
from ..preprocess.input_camera import estimate_camera
from ..preprocess.published_lrm_inputs import openlrm_picture, triposr_picture
from ..reconstruction.lrm.model import LRM, POINTS_AT_ONCE, Scene
from ..reconstruction.lrm.source_camera import source_camera
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..rendering.rasteriser import render_mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white
from ..runtime.model_cache import ModelCache
from ..runtime.progress import Progress
from ..weights.loaders.lrm import Kind, check_lrm, load_lrm
from ..weights.store import store
from ..weights.store.store import STARTER
from . import Request, Result

STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 6, "Planes": 6, "Surface": 4, "Colours": 1}
TEXTURED = {"Texture": 8.0}  # the stage more that a texture takes
# As released; the starter's where points 0.03 off its training objects' surfaces are least often on the wrong side.
LEVELS: dict[Kind, float] = {"triposr": 25.0, "openlrm-1.1": 3.0, "openlrm-1.0": 3.0, "starter": -0.1}
OPENLRM_HALF_TANGENT = 1 / 1.5  # its source camera sees a picture side at 0.75 of a focal length
TURNS = {"triposr": [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]}  # its front is +X; ours -Y
UNIT = 0.02  # distance, in the world, that is one unit of the starter's raw output
SMALLEST_PIECE = 0.003  # of the largest one's volume
PROBE = 33  # points a side of the first look at the density
FULL = 0.9  # share of the cube: an object never fills so much
FAINT = 0.02  # a density that stays below is nothing
SECOND = 0.1  # of the largest object's area in the picture


@dataclass
class View:
    """How the model sees the picture: (1, 3, S, S), camera (1, 16) or None, and what the mesh is made true to. Of the
    starter also the elevation in degrees and the object's depth in the world."""

    picture: Tensor
    camera: Tensor | None = None
    seen: InputView | None = None
    elevation: float | None = None
    depth: float | None = None


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> mesh, its front (-Y) the image's view; four views of it."""
    start, parameters = time.monotonic(), request.parameters
    progress.plan(STAGES | (TEXTURED if parameters["texture"] != NO_TEXTURE else {}))
    progress.update("Preparing", 0, 1)
    device = choose_device(parameters["device"])
    path = find_weights(parameters["weights"])
    if (path, device) not in load:
        check_lrm(path)
    cutout = remove_background(request.inputs["image"], parameters["remove_background"], str(device))
    progress.update("Loading weights", 0, 1)
    model, kind = load(path, device)
    view = prepare(model, kind, cutout.image, parameters)
    progress.update("Planes", 0, 1)
    with torch.no_grad():
        scene = encode(model, kind, view)
        mesh, level = to_mesh(model, kind, scene, view, parameters, progress)
    if kind == "starter" and parameters["depth"]:
        mesh = deepen(mesh, parameters["depth"])
    facts = {
        "background": cutout.note,
        "weights": kind,
        "threshold": round(level, 3),
        "device": str(device),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "seconds": round(time.monotonic() - start, 1),
    }
    if view.elevation is not None:
        facts["elevation_deg"] = round(view.elevation, 1)
        facts["elevation"] = "estimated" if parameters["auto_elevation"] else "given"
        facts["depth"] = round(proportion(mesh), 2)
        facts["picture_camera"] = match_camera(mesh, cutout.image[..., 3], view.elevation)
    if warnings := list(warn(kind, cutout.image, parameters["weights"], level)):
        facts["warning"] = " ".join(warnings)
    return Result(mesh, look_at(mesh), facts)


load = ModelCache(load_lrm)


def unload() -> None:
    """Drop the model that `run` keeps between jobs."""
    load.drop()


def find_weights(weights: str) -> Path:
    """Where a set of weights lies: "starter", an id of the catalog, or a file or folder. Raises WeightsError."""
    if weights == "starter":
        return STARTER / "lrm"
    known = [w.id for w in catalog.WEIGHTS if w.part == "planes"]
    return store.find(weights, known, f"Choose one of {', '.join(known)}.")


def prepare(model: LRM, kind: Kind, rgba: np.ndarray, parameters: dict[str, Any]) -> View:
    """The cut out picture as the model wants it. Raises ImageError."""
    size = model.architecture.image_size
    if kind == "triposr":
        return View(triposr_picture(rgba, size))
    if kind != "starter":
        camera = source_camera(0, OPENLRM_HALF_TANGENT, parameters["source_distance"])
        return View(openlrm_picture(rgba, size), camera[None])
    framed = frame(rgba, size)[0]
    picture = torch.from_numpy(on_white(framed)).permute(2, 0, 1)[None]
    elevation, distance, depth = estimate_camera(model, picture)
    if not parameters["auto_elevation"]:
        elevation = parameters["elevation_deg"]
    half_tangent = float(np.tan(np.radians(FOV_DEG) / 2)) * distance / RADIUS
    width = float((framed[..., 3] > 0.5).any(0).mean()) * 2 * half_tangent * RADIUS
    depth = parameters["depth"] * width or depth
    seen = None
    if parameters["match_picture"]:
        shown = torch.from_numpy(frame(rgba, INPUT_VIEW_SIZE)[0]).to(model.device)
        seen = InputView.from_framed(shown, orbit(0, elevation, RADIUS), FOV_DEG, RADIUS / distance)
    camera = source_camera(elevation, half_tangent, RADIUS)[None]
    return View(picture, camera, seen, elevation, depth)


def encode(model: LRM, kind: Kind, view: View) -> Scene:
    """The starter also sees the picture's mirror image, which makes its guess of what is hidden better."""
    picture, camera = view.picture.to(model.device), None if view.camera is None else view.camera.to(model.device)
    if camera is not None and view.depth is not None:
        return model.encode_mirrored(picture, camera, torch.tensor([view.depth], device=model.device).log())
    return model.encode(picture, camera)


def to_mesh(
    model: LRM, kind: Kind, scene: Scene, view: View, parameters: dict[str, Any], progress: Progress
) -> tuple[Mesh, float]:
    """The clean coloured mesh in Blender's frame, and the threshold that it was cut at."""
    radius, evaluated = model.architecture.radius, 0

    def density(points: Tensor) -> Tensor:
        nonlocal evaluated
        evaluated += len(points)
        progress.update("Surface", evaluated, evaluated + 4 * POINTS_AT_ONCE)
        return torch.cat([model.density(model.query(scene, p[None])[0][0]) for p in points.split(POINTS_AT_ONCE)])

    told = parameters["threshold"] or LEVELS[kind]
    resolution, bounds = parameters["mesh_resolution"], (-radius, radius)
    if kind == "starter":
        level = told

        def distance(points: Tensor) -> Tensor:
            return (told - density(points)) * UNIT

        field = distance if view.seen is None else match_silhouette(distance, view.seen, RADIUS / 2)
        vertices, faces = extract(field, resolution, bounds, device=model.device)
    else:
        axis = torch.linspace(-radius, radius, PROBE, device=model.device)
        level = choose_level(density(torch.cartesian_prod(axis, axis, axis)), told)
        vertices, faces = extract(density, resolution, bounds, level, "positive", device=model.device)
    if not len(faces):
        raise ImageError(
            "The model sees no solid object in the picture, so there is no surface.", "Try a clearer picture."
        )
    rgb = vertex_colors(model, scene, torch.from_numpy(vertices).to(model.device), progress)
    turn = np.eye(3, dtype=np.float32)
    if kind != "starter":
        turn = np.array(TURNS.get(kind, turn), np.float32) * np.float32(0.5 / radius)
    mesh = Mesh(vertices @ turn.T, faces, np.concatenate([rgb, np.full((len(rgb), 1), 255, np.uint8)], 1))
    mesh = remove_degenerate(keep_components(mesh, SMALLEST_PIECE))
    colors = surface_colors(model, scene, np.linalg.inv(turn))
    if view.seen is not None:
        mesh, colors = paint_front(mesh, view.seen), front_colors(mesh, view.seen, colors)
    return decimate_and_texture(mesh, parameters, colors, lambda i, n: progress.update("Texture", i, n)), level


def deepen(mesh: Mesh, depth: float) -> Mesh:
    """Scaled along y to a depth that is a share of the width: the model takes what it is told for a hint."""
    return replace(mesh, vertices=mesh.vertices * np.array([1, depth / proportion(mesh), 1], np.float32))


def proportion(mesh: Mesh) -> float:
    """How deep it is, as a share of its width."""
    wide, deep, _ = np.ptp(mesh.vertices, axis=0)
    return float(deep / wide)


def choose_level(values: Tensor, told: float) -> float:
    """The threshold told if anything is denser, else half of the largest density seen. ImageError where densities tell
    no surface at all."""
    if not values.isfinite().all():
        raise ImageError(
            "The model's density explodes: there are values that are not numbers.",
            "Try other weights or another picture.",
        )
    largest = float(values.max())
    if largest < FAINT:
        raise ImageError(
            f"The model sees nothing solid in the picture: its density is at most {largest:.2g}.",
            "Try a clearer picture, or other weights.",
        )
    level = told if largest > told else largest / 2
    if float((values > level).float().mean()) > FULL:
        raise ImageError(
            f"The model's density is above the threshold of {level:.3g} nearly everywhere, so there is no surface.",
            f"Raise Threshold: half of the space is above {float(values.median()):.3g}.",
        )
    return level


def vertex_colors(model: LRM, scene: Scene, vertices: Tensor, progress: Progress) -> np.ndarray:
    """uint8 (N, 3), asked for at every vertex."""
    parts = vertices.split(POINTS_AT_ONCE)
    colors = []
    for i, part in enumerate(parts):
        progress.update("Colours", i, len(parts))
        colors.append(model.query(scene, part[None])[1][0])
    progress.update("Colours", 1, 1)
    return (torch.cat(colors).clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()


def surface_colors(model: LRM, scene: Scene, back: np.ndarray) -> Colors:
    """The scene's colours at points of the mesh, which `back` (3, 3) takes to the model's frame."""

    def colors(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        places = torch.from_numpy((points @ back.T).astype(np.float32)).to(model.device)
        return torch.cat([model.query(scene, part[None])[1][0] for part in places.split(POINTS_AT_ONCE)]).cpu().numpy()

    return colors


def warn(kind: Kind, rgba: np.ndarray, weights: str, level: float):
    """What people should know of the result."""
    names, count = ndimage.label(rgba[..., 3] >= 0.5)  # pyright: ignore[reportGeneralTypeIssues]
    sizes = np.bincount(np.asarray(names).ravel(), minlength=count + 1)[1:]
    if (objects := int((sizes >= SECOND * sizes.max()).sum())) > 1:
        yield f"The picture shows {objects} separate parts: they became one mesh. For one object, cut out the others."
    if kind != "starter" and level < LEVELS[kind]:
        yield f"The density was faint, so the threshold was lowered to {level:.2g}."
    chosen = next((w for w in catalog.WEIGHTS if w.id == weights), None)
    if kind.startswith("openlrm") and (chosen is None or chosen.commercial_use == "no"):
        yield "OpenLRM's weights may not be used commercially (CC BY-NC 4.0)."


def look_at(mesh: Mesh) -> np.ndarray:
    """Four views around, uint8 (4, 128, 128, 4) on white."""
    views = [render_mesh(mesh, Camera(orbit(a, 20, 2.2), 35.0, 128, 128)).cpu().numpy() for a in (0, 90, 180, 270)]
    rgb = (on_white(np.stack(views)) * 255 + 0.5).astype(np.uint8)
    return np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, np.uint8)], -1)
