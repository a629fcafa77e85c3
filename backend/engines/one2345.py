# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45 (Liu et al. 2023): one image -> views all around (Zero-1-to-3) -> SparseNeuS -> coloured mesh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion.sampling import Sampling
from ..diffusion.two_stages import TwoStages
from ..diffusion.zero123 import Condition, Zero123
from ..input_view.input_view import INPUT_VIEW_SIZE, InputView
from ..input_view.match_camera import match_camera
from ..interface.view_set import FOV_DEG, RADIUS, first_stage, second_stage
from ..preprocess.background import Cutout, remove_background
from ..preprocess.elevation import LOFTR, estimate_polar, find_loftr, load_loftr, match
from ..preprocess.framing import fit_into, frame, frame_as_released, lower_contrast
from ..preprocess.input_camera import input_camera
from ..preprocess.zero123_framing import frame_object, whole_picture
from ..reconstruction.sparse_neus.to_mesh import mesh_from_views
from ..reconstruction.sparse_neus.volume_frame import PUBLISHED_FOV_DEG
from ..rendering.cameras import Camera, orbit
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import Models, check_weights, load_models, make_room
from ..weights.store import store
from . import Request, Result

STAGES: dict[str, float] = {
    "Preparing": 1,
    "Loading weights": 3,
    "Views around": 4,
    "Close views": 12,
    "Features": 3,
    "Surface": 4,
    "Colours": 3,
}
PLAIN = ("estimated", "given")  # notes on the elevation that need nobody's attention
RELEASED_SIDE = 512  # pixels that published weights' pictures are made to fit before anything else


def run(request: Request, progress: Progress) -> Result:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> mesh whose front (-Y) is the image's view, and 32 views."""
    start, parameters = time.monotonic(), request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    check_weights(parameters["weights"], choose_device(parameters["device"]))
    cutout = prepare(request.inputs["image"], parameters)
    models = load(parameters, progress)
    height = Height(models, parameters)
    picture = to_input(cutout.image, models)
    condition = models.zero123.encode(picture)
    elevation, distance = input_camera(models.zero123.kind, picture, parameters)
    views, first = generate_views(
        models.zero123, condition, elevation, distance, parameters, request.seed, progress, height.estimate
    )
    elevation, size = first[0][1], views.shape[-1]
    fov = FOV_DEG if models.sparse_neus.rig == "starter" else PUBLISHED_FOV_DEG
    reference, *cameras = (
        Camera(orbit(a, e, RADIUS), fov, size, size)
        for a, e in [first[0], *(near for view in first for near in second_stage(view))]
    )
    make_room(models)
    mesh = mesh_from_views(
        models.sparse_neus,
        views,
        cameras,
        parameters,
        progress,
        reference,
        see(cutout.image, reference, distance, views.device) if parameters["match_picture"] else None,
    )
    facts = {
        "background": cutout.note,
        "elevation_deg": round(elevation, 1),
        "picture_camera": match_camera(mesh, cutout.image[..., 3], elevation),
        "elevation": height.note,
        "seed": request.seed,
        "device": str(models.device),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "seconds": round(time.monotonic() - start, 1),
    }
    if height.note not in PLAIN:
        facts["warning"] = f"Elevation: {height.note}"
    return Result(mesh, to_pictures(views), facts)


def novel_view(
    image: np.ndarray,
    azimuth_deg: float,
    elevation_deg: float,
    parameters: dict[str, Any],
    progress: Progress,
    seed: int = 0,
) -> np.ndarray:
    """Image float32 RGBA (H, W, 4) -> the view from a camera turned by these angles, float32 RGBA (S, S, 4)."""
    progress.plan({"Loading weights": 2, "View": 3})
    cutout = remove_background(image, parameters["remove_background"])
    models = load(parameters, progress)
    picture = to_novel_view_input(cutout.image, models, parameters)
    condition = models.zero123.encode(picture)
    elevation, distance = input_camera(models.zero123.kind, picture, parameters)
    pose = pose_tensor(models.zero123, [(azimuth_deg, elevation_deg)], [elevation], RADIUS - distance, models.device)
    view = models.zero123.sample(
        condition,
        pose,
        choose_sampling(models.zero123, parameters),
        torch.Generator().manual_seed(seed),
        step_done=lambda i, n: progress.update("View", i, n),
    )
    return to_pictures(view)[0].astype(np.float32) / 255


def reconstruct(views: np.ndarray, cameras: list[Camera], parameters: dict[str, Any], progress: Progress) -> Mesh:
    """Posed views float32 RGBA (V, H, W, 4) -> mesh in the cameras' world. All cameras look at the object."""
    progress.plan({k: STAGES[k] for k in ("Loading weights", "Features", "Surface", "Colours")})
    models = load(parameters, progress)
    size = models.zero123.image_size
    images = torch.from_numpy(on_white(views)).permute(0, 3, 1, 2).float()
    images = F.interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return mesh_from_views(models.sparse_neus, images.to(models.device), cameras, parameters, progress)


def unload() -> None:
    """Drop the models that `run` keeps between jobs."""
    load_models.drop()


def load(parameters: dict[str, Any], progress: Progress) -> Models:
    progress.update("Loading weights", 0, 1)
    models = load_models(parameters["weights"], choose_device(parameters["device"]))
    progress.update("Loading weights", 1, 1)
    return models


def prepare(image: np.ndarray, parameters: dict[str, Any]) -> Cutout:
    """RGBA float32 (H, W, 4) with the object cut out; for published weights at the size and contrast as released."""
    mode, device = parameters["remove_background"], str(choose_device(parameters["device"]))
    if parameters["weights"] == "starter":
        return remove_background(image, mode, device)
    cutout = remove_background(fit_into(image, RELEASED_SIDE), mode, device)
    return replace(cutout, image=lower_contrast(cutout.image)) if parameters["lower_contrast"] else cutout


def to_input(rgba: np.ndarray, models: Models) -> Tensor:
    """Framed as One-2-3-45 does, on white: (1, 3, S, S) in -1..1."""
    size = models.zero123.image_size
    if models.zero123.kind == "starter":
        rgb = on_white(frame(rgba, size)[0])
    else:
        rgb = frame_as_released(rgba, size).astype(np.float32) / 255
    return (torch.from_numpy(rgb).permute(2, 0, 1)[None] * 2 - 1).to(models.device)


def to_novel_view_input(rgba: np.ndarray, models: Models, parameters: dict[str, Any]) -> Tensor:
    """The same for a single view: published weights have a framing of their own."""
    if models.zero123.kind == "starter":
        return to_input(rgba, models)
    rgb = whole_picture(rgba) if parameters["remove_background"] == "never" else frame_object(rgba)
    return (torch.from_numpy(rgb).permute(2, 0, 1)[None] * 2 - 1).to(models.device)


def see(rgba: np.ndarray, camera: Camera, distance: float, device: torch.device) -> InputView:
    """The framed picture, as its camera sees it from where the views look at the object."""
    framed = torch.from_numpy(frame(rgba, INPUT_VIEW_SIZE)[0]).to(device)
    return InputView.from_framed(framed, camera.cam_to_world, camera.fov_deg, RADIUS / distance)


def pose_tensor(
    model: Zero123, angles: list[tuple[float, float]], inputs: list[float], distance: float, device: torch.device
) -> Tensor:
    """(B, 4) for offsets (azimuth, elevation) in degrees from inputs at these elevations, and an offset of distance."""
    azimuth, elevation = torch.tensor(angles, dtype=torch.float32, device=device).T
    return model.pose(azimuth, elevation, torch.tensor(inputs), distance)


def choose_sampling(model: Zero123, parameters: dict[str, Any]) -> Sampling:
    """How the first stage is sampled: as told, and for what is not told as suits the weights."""
    return model.sampling(parameters["quality"], parameters["num_inference_steps"], parameters["guidance_scale"])


class Height:
    """How the elevation becomes known: `estimate`, for weights that do not tell it at once, and a note for people."""

    def __init__(self, models: Models, parameters: dict[str, Any]):
        self.estimate: Callable[[Tensor], float] | None = None
        self.note = "estimated" if parameters["auto_elevation"] else "given"
        if not parameters["auto_elevation"] or models.zero123.kind == "starter":
            return
        path = find_loftr()
        if path is None:
            self.note = f"given, because the weights that estimate it are not here. {store.get(LOFTR)}"
            return
        model = load_loftr(path, models.device)

        def estimate(views: Tensor) -> float:
            """View 0's four neighbours (4, 3, S, S) -> the input's elevation in degrees."""
            polar = estimate_polar(match(model, to_pictures(views)[..., :3], models.device))
            if polar is None:
                self.note = (
                    "not found, because the imagined views do not match: 0 is taken. To correct it, set Elevation."
                )
            return 90.0 - (90 if polar is None else polar)

        self.estimate = estimate


def generate_views(
    model: Zero123,
    condition: Condition,
    elevation: float,
    distance: float,
    parameters: dict[str, Any],
    seed: int,
    progress: Progress,
    estimate: Callable[[Tensor], float] | None = None,
) -> tuple[Tensor, list[tuple[float, float]]]:
    """The two stages: eight views from the input, four from each of them; (32, 3, S, S) in 0..1. Of the eight, the
    angles (azimuth, elevation); the first one's are the input's.

    estimate: elevation by view 0's neighbours. Then they come before the second ring, which depends on it, as released.
    """
    stages = TwoStages(model, choose_sampling(model, parameters), seed, progress.update)
    first = first_stage(elevation)
    if estimate is None:
        around = stages.around(condition, first, elevation, distance)
        progress.preview(to_pictures(around))
        views = stages.closer(around, first)
    else:
        ring = stages.around(condition, first[:4], elevation, distance)
        progress.preview(to_pictures(ring))
        near = stages.closer(ring[:1], first[:1])
        elevation = estimate(near)
        first = first_stage(elevation)
        around = torch.cat([ring, stages.around(condition, first[4:], elevation, distance)])
        progress.preview(to_pictures(around))
        views = torch.cat([near, stages.closer(around[1:], first[1:])])
    progress.preview(to_pictures(views))
    return views, first


def to_pictures(views: Tensor) -> np.ndarray:
    """(N, 3, S, S) in 0..1 -> uint8 RGBA (N, S, S, 4), opaque."""
    rgb = (views.float().clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).cpu().numpy()
    return np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, np.uint8)], -1)
