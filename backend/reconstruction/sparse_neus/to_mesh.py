# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45's reconstruction: posed views -> SparseNeuS -> marching cubes -> coloured mesh."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...input_view.input_view import InputView
from ...input_view.outline import match_silhouette
from ...input_view.picture_colors import finish_mesh
from ...interface.common_parameters import MODEL, MeshParameters
from ...interface.errors import ImageError
from ...meshing.clean import keep_components, remove_degenerate
from ...meshing.fill_cavities import fill_cavities
from ...meshing.marching_cubes import extract
from ...rendering.cameras import Camera
from ...rendering.mesh import Mesh
from ...runtime.images import on_white, to_bytes
from ...runtime.progress import Progress
from .model import Scene, SparseNeuS, is_observed
from .volume_frame import object_box, place_volume

POINTS = 1 << 16  # signed distances evaluated at once
SMALLEST_PIECE = 0.03  # of the largest piece's volume; smaller pieces are floaters...
SMALLEST_SHOWN = 0.003  # ...unless the input view's silhouette confirms them
WITHIN = 0.94  # of the object's box; the views show nothing beyond
UNOBSERVED = 1.0  # signed distance in world units where fewer than two views look


def mesh_from_images(
    model: SparseNeuS,
    images: np.ndarray,
    size: int,
    cameras: list[Camera],
    parameters: MeshParameters,
    progress: Progress,
) -> Mesh:
    """Reconstruct a coloured mesh in the cameras' world from posed images float32 RGBA (V, H, W, 4).

    All cameras look at the object. size: pixels per side of the views that the model takes.
    """
    views = torch.from_numpy(on_white(images)).permute(0, 3, 1, 2).float()
    views = F.interpolate(views, (size, size), mode="bilinear", antialias=True, align_corners=False)
    device = next(model.parameters()).device
    return mesh_from_views(model, views.to(device), cameras, parameters, progress)


def mesh_from_views(
    model: SparseNeuS,
    views: Tensor,
    cameras: list[Camera],
    parameters: MeshParameters,
    progress: Progress,
    reference: Camera | None = None,
    input_view: InputView | None = None,
    unseen_sides: str = MODEL,
) -> Mesh:
    """Reconstruct a coloured mesh in the cameras' world.

    The surface is extracted in the object's box, which is half as wide as the published volume, and only where views
    observed it. Raises ImageError if there is none.

    Args:
        model: the network.
        views: (V, 3, S, S) in 0..1.
        cameras: of the views.
        parameters: the task's, of which mesh_resolution, max_faces and texture are used.
        progress: receives the stages.
        reference: camera of the input image, by default the first view's.
        input_view: constrains the silhouette and the front's colours.
        unseen_sides: where the colours that the input view does not show come from.
    """
    progress.update("Features", 0, 1)
    matrices = torch.stack([c.cam_to_world for c in cameras]).to(views.device)
    first = None if reference is None else reference.cam_to_world.to(views.device)
    fov_deg = torch.tensor([camera.fov_deg for camera in cameras])
    volume, *volume_cameras = place_volume(model.rig, matrices, fov_deg, views.shape[-1], first)
    scene = model.build(views.float(), *volume_cameras)
    box = object_box(matrices, fov_deg)
    to_box = torch.linalg.inv(box)
    to_volume = torch.linalg.inv(volume)
    unit = volume[:3, 0].norm()
    evaluated = 0

    def field(points: Tensor) -> Tensor:
        nonlocal evaluated
        evaluated += len(points)
        progress.update("Surface", evaluated, evaluated + 4 * POINTS)
        parts = transform(to_volume, points).split(POINTS)
        sdf = torch.cat([torch.where(is_observed(scene, p), model.sdf(scene, p) * unit, UNOBSERVED) for p in parts])
        return torch.where((transform(to_box, points).abs() <= WITHIN + 1e-4).all(1), sdf, UNOBSERVED)

    solid = fill_cavities(field, box, WITHIN)
    if input_view is not None:
        cell = 2 * WITHIN * float(box[:3, 0].norm()) / parameters.mesh_resolution
        solid = match_silhouette(solid, input_view, float(box[:3, 0].norm()), cell)
    vertices, faces = extract(
        lambda p: solid(transform(box, p)), parameters.mesh_resolution, (-WITHIN, WITHIN), device=views.device
    )
    if not len(faces):
        remedy = "Check the cameras and cut-outs of all views." if reference is None else "Try another seed or image."
        raise ImageError("The views show no solid object, so there is no surface.", remedy)
    points = transform(box, torch.from_numpy(vertices).to(views.device))
    rgb = vertex_colors(model, scene, transform(to_volume, points), progress)
    mesh = Mesh(points.cpu().numpy(), faces, np.concatenate([rgb, np.full((len(rgb), 1), 255, np.uint8)], 1))
    mesh = remove_degenerate(keep_components(mesh, SMALLEST_PIECE if input_view is None else SMALLEST_SHOWN))
    return finish_mesh(mesh, parameters, None, input_view, lambda i, n: progress.update("Texture", i, n), unseen_sides)


def vertex_colors(model: SparseNeuS, scene: Scene, vertices: Tensor, progress: Progress) -> np.ndarray:
    """Colours uint8 (N, 3) of the blending network, viewed along the surface normals."""
    parts = vertices.split(1 << 13)
    colors = []
    for i, part in enumerate(parts):
        normal = F.normalize(model.gradient(scene, part), dim=1)
        colors.append(model.color(scene, part, normal))
        progress.update("Colors", i + 1, len(parts))
    return to_bytes(torch.cat(colors))


def transform(matrix: Tensor, points: Tensor) -> Tensor:
    """Apply an affine map (4, 4) to points (N, 3)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
