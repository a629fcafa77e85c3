# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45 (Liu et al. 2023): one image -> views all around (Zero-1-to-3) -> SparseNeuS -> coloured mesh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from ..diffusion.two_stages import TwoStages
from ..diffusion.zero123 import Condition
from ..input_view.match_camera import match_camera
from ..input_view.picture_colors import NOT_PROJECTED, PROJECTED
from ..interface.tasks import One2345Parameters
from ..interface.view_set import FOV_DEG, RADIUS, first_stage, second_stage
from ..preprocess.background import Cutout, remove_background
from ..preprocess.elevation import LOFTR, estimate_polar, find_loftr, load_loftr, match
from ..preprocess.framed_view import framed_view
from ..preprocess.framing import fit_into, lower_contrast
from ..preprocess.input_camera import input_camera
from ..preprocess.zero123_framing import one2345_input
from ..reconstruction.sparse_neus.to_mesh import mesh_from_views
from ..reconstruction.sparse_neus.volume_frame import PUBLISHED_FOV_DEG
from ..rendering.cameras import Camera, orbit
from ..runtime.devices import choose_device
from ..runtime.images import to_opaque_bytes
from ..runtime.progress import Progress
from ..weights.loaders.one2345 import One2345Networks, check_weights, load_models, make_room
from ..weights.store import store
from . import MeshResult, Request

STAGES: dict[str, float] = {
    "Preparing": 1,
    "Loading weights": 3,
    "Views around": 4,
    "Close views": 12,
    "Features": 3,
    "Surface": 4,
    "Colors": 3,
}
RELEASED_SIDE = 512  # pixels that the image is made to fit for published weights
NOT_FOUND = "not found, because the views do not match: 0 is taken. To correct it, set Elevation."

Angles = list[tuple[float, float]]  # (azimuth, elevation) in degrees


def run(request: Request[One2345Parameters], progress: Progress) -> MeshResult:
    """Image float32 RGBA (H, W, 4) in inputs["image"] -> mesh whose front (-Y) is the image's view, and 32 views."""
    parameters = request.parameters
    progress.plan(STAGES)
    progress.update("Preparing", 0, 1)
    device = choose_device(parameters.device)
    check_weights(parameters.weights, device)
    cutout = cut_out(request.inputs["image"], parameters, device)
    progress.update("Loading weights", 0, 1)
    models = load_models(parameters.weights, device)
    progress.update("Loading weights", 1, 1)
    zero123 = models.zero123
    image = one2345_input(cutout.image, zero123.image_size, zero123.is_starter).to(device)
    condition = zero123.encode(image)
    guess, distance = input_camera(zero123.kind, image, parameters.elevation_deg, parameters.auto_elevation)
    views, angles, note = generate_views(models, condition, guess, distance, parameters, request.seed, progress)
    reference, cameras = place_cameras(models, angles, views.shape[-1])
    view = None
    if parameters.match_picture:
        view = framed_view(cutout.image, reference.cam_to_world, reference.fov_deg, RADIUS / distance, device)
    make_room(models)
    unseen = parameters.unseen_sides
    mesh = mesh_from_views(models.sparse_neus, views, cameras, parameters, progress, reference, view, unseen)
    elevation = angles[0][1]
    facts = {
        "background": cutout.note,
        "picture": NOT_PROJECTED if view is None else PROJECTED,
        "elevation_deg": round(elevation, 1),
        "elevation": note,
        "picture_camera": match_camera(mesh, cutout.image[..., 3], elevation),
        "device": str(device),
    }
    if note not in ("estimated", "given"):
        facts["warning"] = f"Elevation: {note}"
    return MeshResult(mesh, to_opaque_bytes(views), facts)


def cut_out(image: np.ndarray, parameters: One2345Parameters, device: torch.device) -> Cutout:
    """RGBA float32 (H, W, 4) with the object cut out; for published weights at the size and contrast as released."""
    if parameters.weights == "starter":
        return remove_background(image, parameters.remove_background, str(device))
    cutout = remove_background(fit_into(image, RELEASED_SIDE), parameters.remove_background, str(device))
    return replace(cutout, image=lower_contrast(cutout.image)) if parameters.lower_contrast else cutout


def generate_views(
    models: One2345Networks,
    condition: Condition,
    elevation: float,
    distance: float,
    parameters: One2345Parameters,
    seed: int,
    progress: Progress,
) -> tuple[Tensor, Angles, str]:
    """The close views (32, 3, S, S) in 0..1 of an input at `elevation` (degrees) that seems taken from `distance`; the
    angles of the eight views that they belong to, the first of which are the input's; and a note on its elevation."""
    model = models.zero123
    sampling = model.sampling(parameters.quality, parameters.num_inference_steps, parameters.guidance_scale)
    stages = TwoStages(model, sampling, seed, progress.update)
    note = "estimated" if parameters.auto_elevation else "given"
    if parameters.auto_elevation and not model.is_starter:
        path = find_loftr()
        if path is not None:
            loftr = load_loftr(path, models.device)
            return views_with_estimate(stages, condition, elevation, distance, loftr, progress)
        note = f"given, because the weights that estimate it are not downloaded. {store.get(LOFTR)}"
    return *views_at(stages, condition, elevation, distance, progress), note


def views_at(
    stages: TwoStages, condition: Condition, elevation: float, distance: float, progress: Progress
) -> tuple[Tensor, Angles]:
    """Close views and angles for an input whose elevation is known: eight views around it, then four near each."""
    angles = first_stage(elevation)
    around = stages.around(condition, angles, elevation, distance)
    progress.preview(to_opaque_bytes(around))
    views = stages.closer(around, angles)
    progress.preview(to_opaque_bytes(views))
    return views, angles


def views_with_estimate(
    stages: TwoStages, condition: Condition, guess: float, distance: float, loftr: nn.Module, progress: Progress
) -> tuple[Tensor, Angles, str]:
    """Close views, angles and note for an input whose elevation is estimated. As released, the close views of the
    input come first, since the estimate is made from them and the second ring's elevation depends on it."""
    device = condition.latent.device
    angles = first_stage(guess)
    ring = stages.around(condition, angles[:4], guess, distance)
    progress.preview(to_opaque_bytes(ring))
    near = stages.closer(ring[:1], angles[:1])
    polar = estimate_polar(match(loftr, to_opaque_bytes(near)[..., :3], device))
    elevation = 0.0 if polar is None else 90.0 - polar
    angles = first_stage(elevation)
    around = torch.cat([ring, stages.around(condition, angles[4:], elevation, distance)])
    progress.preview(to_opaque_bytes(around))
    views = torch.cat([near, stages.closer(around[1:], angles[1:])])
    progress.preview(to_opaque_bytes(views))
    return views, angles, NOT_FOUND if polar is None else "estimated"


def place_cameras(models: One2345Networks, angles: Angles, size: int) -> tuple[Camera, list[Camera]]:
    """The input's camera and those of the close views."""
    fov = FOV_DEG if models.sparse_neus.rig == "starter" else PUBLISHED_FOV_DEG
    reference, *cameras = (
        Camera(orbit(azimuth, elevation, RADIUS), fov, size, size)
        for azimuth, elevation in [angles[0], *(near for view in angles for near in second_stage(view))]
    )
    return reference, cameras
