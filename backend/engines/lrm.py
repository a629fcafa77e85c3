# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM (Hong et al. 2024), TripoSR (Tochilkin et al. 2024) and OpenLRM: one image -> feature planes -> mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..input_view.input_view import InputView
from ..input_view.match_camera import match_camera
from ..input_view.match_view import match_view
from ..input_view.outline import match_silhouette
from ..input_view.picture_colors import NOT_PROJECTED, PROJECTED, UNMATCHED, finish_mesh, paint_picture
from ..interface import catalog
from ..interface.errors import ImageError
from ..interface.tasks import LRMParameters
from ..interface.view_set import FOV_DEG, RADIUS
from ..meshing.clean import keep_components, remove_degenerate
from ..meshing.coarse_lattice import exact_near_surface, lattice_points
from ..meshing.marching_cubes import extract
from ..meshing.texture import NO_TEXTURE, Colors, nearest_vertex_colors
from ..preprocess.background import remove_background
from ..preprocess.framed_view import framed_view
from ..preprocess.framing import frame
from ..preprocess.input_camera import estimate_camera, vary
from ..preprocess.published_lrm_inputs import openlrm_picture, triposr_picture
from ..preprocess.selection import warn_of_parts
from ..reconstruction.lrm.model import LRM, POINTS_AT_ONCE, Scene
from ..reconstruction.lrm.source_camera import source_camera
from ..rendering.cameras import orbit
from ..rendering.four_views import render_views
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white, to_bytes
from ..runtime.model_cache import ModelCache
from ..runtime.progress import Progress
from ..weights.loaders.lrm import Kind, check_lrm, load_lrm
from ..weights.store import store
from . import MeshResult, Request

# Seconds at the default resolution on a processor, models not loaded.
STAGES: dict[str, float] = {"Preparing": 1, "Loading weights": 3, "Reading the image": 1, "Surface": 9, "Colors": 3}
TEXTURE_STAGE = {"Texture": 8.0}
PUBLISHED_LEVELS: dict[Kind, float] = {"triposr": 25.0, "openlrm-1.1": 3.0, "openlrm-1.0": 3.0}  # density, as released
STARTER_LEVEL = -0.1  # output where points 0.03 off the training objects' surfaces are least often on the wrong side
STARTER_UNIT = 0.02  # distance in the world for a change of 1 in the starter's output
OPENLRM_HALF_TANGENT = 1 / 1.5  # its source camera sees half of an image's side at 0.75 of the focal length
TRIPOSR_DISTANCE = 1.9  # of the cameras that its release renders from
TRIPOSR_TURN = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]  # its front is +X; Blender's is -Y
PREVIEW_RESOLUTION = 32  # cells a side of the mesh that is shown first, and of the lattice that is asked first
BAND = 0.055  # distance in the world up to which the starter's is exact; a lattice's cell has 0.038 a side
MIN_PIECE = 0.003  # volume of a piece that is kept, as a share of the largest one's
MAX_FILLED = 0.9  # share of the cube that no object exceeds
MIN_DENSITY = 0.02  # largest density of an object, at least


@dataclass
class Prepared:
    """The image as a model takes it, and what is known about its view."""

    image: Tensor  # (1, 3, S, S)
    camera: Tensor | None = None  # (1, 16) for models that take one
    input_view: InputView | None = None  # that the mesh is fitted to
    elevation_deg: float | None = None
    log_depth: Tensor | None = None  # (1,), of the object in the world
    depth_ratio: float = 0.0  # wanted depth as a share of the width, 0 for none
    stretch: float = 1.0  # factor of the depth that the model gives the object


@dataclass
class Surface:
    """field: points (N, 3) -> (N,), which equals `level` at the surface; threshold: the model's own value there; first:
    values (C, C, C) at the lattice's points, where the field does not know them itself."""

    field: Callable[[Tensor], Tensor]
    level: float
    inside: Literal["negative", "positive"]
    threshold: float
    first: np.ndarray | None = None


def run(request: Request[LRMParameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> mesh, its front (-Y) the image's view; four views of it."""
    parameters = request.parameters
    progress.plan(STAGES | (TEXTURE_STAGE if parameters.texture != NO_TEXTURE else {}))
    progress.update("Preparing", 0, 1)
    device, path = choose_device(parameters.device), find_weights(parameters.weights)
    if (path, device) not in load:
        check_lrm(path)
    cutout = remove_background(request.inputs["image"], parameters.remove_background, str(device))
    progress.update("Loading weights", 0, 1)
    model, kind = load(path, device)
    lrm = StarterLRM(model) if kind == "starter" else PublishedLRM(model, kind)
    prepared = lrm.prepare(cutout.image, parameters, request.seed)
    progress.update("Reading the image", 0, 1)
    with torch.no_grad():
        scene = lrm.encode(prepared)
        mesh, threshold = to_mesh(lrm, scene, prepared, parameters, progress)
        mesh, picture_facts = finish(lrm, scene, mesh, prepared, parameters, cutout.image, progress)
    facts = {"background": cutout.note, "weights": kind, "threshold": round(threshold, 3), "device": str(device)}
    facts |= picture_facts
    if prepared.elevation_deg is not None:
        facts["elevation_deg"] = round(prepared.elevation_deg, 1)
        guess = "drawn" if request.seed else "estimated"
        facts["elevation"] = guess if parameters.auto_elevation else "given"
        facts["depth"] = round(depth_ratio(mesh), 2)
        facts["depth_source"] = "given" if parameters.depth else guess
        facts["picture_camera"] = match_camera(mesh, cutout.image[..., 3], prepared.elevation_deg)
    unmatched = [facts["warning"]] if "warning" in facts else []
    if warnings := [*warn_of_parts(cutout.image), *lrm.warnings(threshold, parameters.weights), *unmatched]:
        facts["warning"] = " ".join(warnings)
    return MeshResult(mesh, render_views(mesh), facts)


load = ModelCache(load_lrm)


def find_weights(weights: str) -> Path:
    """Path of "starter", of a set by its id in the catalog, or of a file or folder. Raises WeightsError."""
    if weights == "starter":
        return store.STARTER / "lrm"
    known = [w.id for w in catalog.WEIGHTS if w.part == "planes"]
    return store.find(weights, known, f"Choose one of starter, {', '.join(known)}.")


class PublishedLRM:
    """TripoSR and OpenLRM as released: a density."""

    def __init__(self, model: LRM, kind: Kind) -> None:
        self.model = model
        self.kind: Kind = kind
        turn = TRIPOSR_TURN if kind == "triposr" else np.eye(3)
        self.turn = np.array(turn, np.float32) * np.float32(0.5 / model.architecture.radius)  # to Blender's frame

    def distance(self, parameters: LRMParameters) -> float:
        """Distance in Blender's frame of the camera that the model takes the image to come from."""
        distance = TRIPOSR_DISTANCE if self.kind == "triposr" else parameters.source_distance
        return distance * 0.5 / self.model.architecture.radius

    def prepare(self, rgba: np.ndarray, parameters: LRMParameters, _seed: int) -> Prepared:
        """A cut-out image (H, W, 4), framed as released. Raises ImageError."""
        size = self.model.architecture.image_size
        if self.kind == "triposr":
            return Prepared(triposr_picture(rgba, size))
        camera = source_camera(0, OPENLRM_HALF_TANGENT, parameters.source_distance)
        return Prepared(openlrm_picture(rgba, size), camera[None])

    def encode(self, prepared: Prepared) -> Scene:
        device = self.model.device
        camera = None if prepared.camera is None else prepared.camera.to(device)
        return self.model.encode(prepared.image.to(device), camera)

    def surface(self, density: Callable[[Tensor], Tensor], prepared: Prepared, parameters: LRMParameters) -> Surface:
        """The surface where the density equals a threshold that suits it. Raises ImageError."""
        values = on_lattice(density, self.model.architecture.radius, self.model.device)
        level = choose_level(values, parameters.threshold or PUBLISHED_LEVELS[self.kind])
        return Surface(density, level, "positive", level, values.cpu().numpy())

    def warnings(self, threshold: float, weights: str) -> Iterator[str]:
        if threshold < PUBLISHED_LEVELS[self.kind]:
            yield f"The density was faint, so the threshold was lowered to {threshold:.2g}."
        chosen = next((w for w in catalog.WEIGHTS if w.id == weights), None)
        if self.kind != "triposr" and (chosen is None or chosen.commercial_use == "no"):
            yield "OpenLRM's weights may not be used commercially (CC BY-NC 4.0)."


class StarterLRM:
    """The starter: its output is a signed distance, and it estimates the camera and the object's depth."""

    turn = np.eye(3, dtype=np.float32)  # its frame is Blender's

    def __init__(self, model: LRM) -> None:
        self.model = model

    def prepare(self, rgba: np.ndarray, parameters: LRMParameters, seed: int) -> Prepared:
        """A cut-out image (H, W, 4), framed, with its camera and depth as given, or as the seed varies the estimate.

        Raises ImageError.
        """
        framed = frame(rgba, self.model.architecture.image_size)[0]
        image = torch.from_numpy(on_white(framed)).permute(2, 0, 1)[None]
        elevation, distance, depth = estimate_camera(self.model, image)
        elevation, stretch = vary(elevation, seed)
        if not parameters.auto_elevation:
            elevation = parameters.elevation_deg
        if parameters.depth:
            stretch = 1.0
        half_tangent = float(np.tan(np.radians(FOV_DEG) / 2)) * distance / RADIUS
        width = float((framed[..., 3] > 0.5).any(0).mean()) * 2 * half_tangent * RADIUS
        input_view = None
        if parameters.match_picture:
            pose = orbit(0, elevation, RADIUS)
            input_view = framed_view(rgba, pose, FOV_DEG, RADIUS / distance, self.model.device)
        camera = source_camera(elevation, half_tangent, RADIUS)[None]
        log_depth = torch.tensor([parameters.depth * width or depth]).log()
        return Prepared(image, camera, input_view, elevation, log_depth, parameters.depth, stretch)

    def encode(self, prepared: Prepared) -> Scene:
        """Encode the image together with its mirror image, which improves the estimate of hidden sides."""
        assert prepared.camera is not None and prepared.log_depth is not None
        device = self.model.device
        scene = self.model.encode_mirrored(
            prepared.image.to(device), prepared.camera.to(device), prepared.log_depth.to(device)
        )
        return replace(scene, stretch=prepared.stretch)

    def surface(self, density: Callable[[Tensor], Tensor], prepared: Prepared, parameters: LRMParameters) -> Surface:
        """The surface of the signed distance, cut to the input view's outline where that is wanted."""
        threshold = parameters.threshold or STARTER_LEVEL

        def distance(points: Tensor) -> Tensor:
            return (threshold - density(points)) * STARTER_UNIT

        half = self.model.architecture.radius * max(prepared.stretch, 1)
        field = exact_near_surface(distance, on_lattice(distance, half, self.model.device), half, BAND)
        if prepared.input_view is not None:
            cell = 2 * self.model.architecture.radius / parameters.mesh_resolution
            field = match_silhouette(field, prepared.input_view, RADIUS / 2, cell)
        return Surface(field, 0.0, "negative", threshold)

    def distance(self, parameters: LRMParameters) -> float:
        """Distance of the camera that the model takes the image to come from."""
        return RADIUS

    def warnings(self, threshold: float, weights: str) -> Iterator[str]:
        yield from ()


def to_mesh(
    lrm: PublishedLRM | StarterLRM, scene: Scene, prepared: Prepared, parameters: LRMParameters, progress: Progress
) -> tuple[Mesh, float]:
    """The clean mesh in Blender's frame with the field's colours, and the threshold of its surface. Raises ImageError.

    Shows a coarse one first, which costs little.
    """
    model, evaluated = lrm.model, 0

    def density(points: Tensor) -> Tensor:
        nonlocal evaluated
        evaluated += len(points)
        progress.update("Surface", evaluated, evaluated + 4 * POINTS_AT_ONCE)
        return model.density(model.query_many(scene, points)[0])

    surface = lrm.surface(density, prepared, parameters)
    if parameters.mesh_resolution > PREVIEW_RESOLUTION:
        show_coarse(lrm, scene, surface, prepared, progress)
    mesh = coloured_mesh(lrm, scene, surface, parameters.mesh_resolution, lambda i, n: progress.update("Colors", i, n))
    if not len(mesh.faces):
        raise ImageError("The model sees no solid object in the image.", "Try a clearer image.")
    return remove_degenerate(keep_components(mesh, MIN_PIECE)), surface.threshold


def finish(
    lrm: PublishedLRM | StarterLRM,
    scene: Scene,
    mesh: Mesh,
    prepared: Prepared,
    parameters: LRMParameters,
    rgba: np.ndarray,
    progress: Progress,
) -> tuple[Mesh, dict[str, Any]]:
    """The mesh with fewer faces, the colours of the cut-out image (H, W, 4) and a texture; and facts about them."""
    view, camera = prepared.input_view, {}
    if view is None:
        colors = surface_colors(lrm.model, scene, np.linalg.inv(lrm.turn))
        if parameters.match_picture:
            view, camera = match_view(mesh, rgba, lrm.distance(parameters))
    else:  # the picture has the detail; the field's, between its vertices, does not show and takes three times as long
        colors = nearest_vertex_colors(mesh)
    report, unseen = (lambda i, n: progress.update("Texture", i, n)), parameters.unseen_sides
    mesh = finish_mesh(mesh, parameters, colors, view, report, unseen)
    facts: dict[str, Any] = {"picture": NOT_PROJECTED if view is None else PROJECTED}
    if camera and view is None:
        facts["warning"] = UNMATCHED.format(100 * camera["iou"])
    elif camera:
        facts["picture_camera"] = camera
    return scaled_to_depth(mesh, prepared.depth_ratio), facts


def show_coarse(
    lrm: PublishedLRM | StarterLRM, scene: Scene, surface: Surface, prepared: Prepared, progress: Progress
) -> None:
    """Preview a mesh of large cells and four views of it, if it has any surface."""
    mesh = coloured_mesh(lrm, scene, surface, PREVIEW_RESOLUTION, lambda *_: None)
    if not len(mesh.faces):
        return
    mesh = keep_components(mesh, MIN_PIECE)
    if prepared.input_view is not None:
        mesh = paint_picture(mesh, prepared.input_view)
    mesh = scaled_to_depth(mesh, prepared.depth_ratio)
    progress.preview(render_views(mesh), mesh)


def coloured_mesh(
    lrm: PublishedLRM | StarterLRM,
    scene: Scene,
    surface: Surface,
    resolution: int,
    report: Callable[[int, int], None],
) -> Mesh:
    """The surface as the field has it, in Blender's frame; maybe empty. report: colours done, and all of them."""
    model = lrm.model
    half = model.architecture.radius * max(scene.stretch, 1)
    bounds, known = (-half, half), surface.first
    vertices, faces = extract(
        surface.field, resolution, bounds, surface.level, surface.inside, PREVIEW_RESOLUTION, model.device, known
    )
    if not len(faces):
        return Mesh(vertices, faces, np.zeros((0, 4), np.uint8))
    rgb = vertex_colors(model, scene, torch.from_numpy(vertices).to(model.device), report)
    opaque = np.full((len(rgb), 1), 255, np.uint8)
    return Mesh(vertices @ lrm.turn.T, faces, np.concatenate([rgb, opaque], 1))


def scaled_to_depth(mesh: Mesh, ratio: float) -> Mesh:
    """The mesh, scaled along y to a depth that is a share of its width, unless that is 0: the model treats the depth
    that it is given as a hint."""
    if not ratio:
        return mesh
    return replace(mesh, vertices=mesh.vertices * np.array([1, ratio / depth_ratio(mesh), 1], np.float32))


def depth_ratio(mesh: Mesh) -> float:
    """The mesh's depth as a share of its width."""
    width, depth, _ = np.ptp(mesh.vertices, axis=0)
    return float(depth / width)


def on_lattice(field: Callable[[Tensor], Tensor], half: float, device: torch.device) -> Tensor:
    """The field's values (C, C, C) at the points of a lattice from -half to half."""
    return field(lattice_points(half, PREVIEW_RESOLUTION, device)).view((PREVIEW_RESOLUTION + 1,) * 3)


def choose_level(values: Tensor, wanted: float) -> float:
    """The wanted threshold if any density exceeds it, else half of the largest density. Raises ImageError."""
    if not values.isfinite().all():
        raise ImageError("The model's density explodes (NaN).", "Try other weights or another image.")
    largest = float(values.max())
    if largest < MIN_DENSITY:
        raise ImageError(
            f"The model sees nothing solid in the image: its density is at most {largest:.2g}.",
            "Try a clearer image, or other weights.",
        )
    level = wanted if largest > wanted else largest / 2
    if float((values > level).float().mean()) > MAX_FILLED:
        raise ImageError(
            f"The density is above the threshold of {level:.3g} nearly everywhere, so there is no surface.",
            f"Raise Threshold: half of the space is above {float(values.median()):.3g}.",
        )
    return level


def vertex_colors(model: LRM, scene: Scene, vertices: Tensor, report: Callable[[int, int], None]) -> np.ndarray:
    """Colours of the scene at vertices (N, 3), uint8 (N, 3)."""
    parts = vertices.split(POINTS_AT_ONCE)
    colors = []
    for i, part in enumerate(parts):
        report(i, len(parts))
        colors.append(model.query_many(scene, part)[1])
    report(1, 1)
    return to_bytes(torch.cat(colors))


def surface_colors(model: LRM, scene: Scene, back: np.ndarray) -> Colors:
    """The scene's colours at points of the mesh, which `back` (3, 3) turns to the model's frame."""

    def colors(points: np.ndarray, _normals: np.ndarray) -> np.ndarray:
        places = torch.from_numpy((points @ back.T).astype(np.float32)).to(model.device)
        return model.query_many(scene, places)[1].cpu().numpy()

    return colors
