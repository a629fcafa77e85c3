# SPDX-License-Identifier: GPL-3.0-or-later
"""The second half of One-2-3-45: posed views -> SparseNeuS -> surface -> coloured mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...input_view.input_view import InputView, front_colors, match_silhouette, paint_front
from ...interface.errors import ImageError
from ...meshing.clean import keep_components, remove_degenerate
from ...meshing.fill_cavities import fill_cavities
from ...meshing.marching_cubes import extract
from ...meshing.texture import decimate_and_texture, nearest_vertex_colors
from ...rendering.cameras import Camera
from ...rendering.mesh import Mesh
from ...runtime.progress import Progress
from .model import Scene, SparseNeuS, is_observed
from .volume_frame import object_box, place_volume

POINTS = 1 << 16  # signed distances evaluated at once
SMALLEST_PIECE = 0.03  # of the largest one's volume; smaller ones are crumbs...
SMALLEST_SHOWN = 0.003  # ...unless the picture's outline vouches for them
WITHIN = 0.94  # of the object's box; the views show nothing beyond
NOTHING = 1.0  # the distance, in the world, where no two views look


def mesh_from_views(
    model: SparseNeuS,
    views: Tensor,
    cameras: list[Camera],
    parameters: dict[str, Any],
    progress: Progress,
    reference: Camera | None = None,
    picture: InputView | None = None,
) -> Mesh:
    """Views (V, 3, S, S) in 0..1 with cameras -> clean coloured mesh in the cameras' world.

    reference: the camera of the input image, the first view's if None. picture: what the mesh is made true to, if any.
    The surface is looked for in the object's box, which is half as wide as the published volume, and only where views
    saw something.
    """
    progress.update("Features", 0, 1)
    matrices = torch.stack([c.cam_to_world for c in cameras]).to(views.device)
    first = None if reference is None else reference.cam_to_world.to(views.device)
    volume, *volume_cameras = place_volume(model.rig, matrices, cameras[0].fov_deg, views.shape[-1], first)
    scene = model.build(views.float(), *volume_cameras)
    box, to_volume, unit = object_box(matrices, cameras[0].fov_deg), torch.linalg.inv(volume), volume[:3, 0].norm()
    to_box, evaluated = torch.linalg.inv(box), 0

    def field(points: Tensor) -> Tensor:
        nonlocal evaluated
        evaluated += len(points)
        progress.update("Surface", evaluated, evaluated + 4 * POINTS)
        parts = transform(to_volume, points).split(POINTS)
        sdf = torch.cat([torch.where(is_observed(scene, p), model.sdf(scene, p) * unit, NOTHING) for p in parts])
        return torch.where((transform(to_box, points).abs() <= WITHIN + 1e-4).all(1), sdf, NOTHING)

    true = fill_cavities(field, box, WITHIN)
    if picture is not None:
        true = match_silhouette(true, picture, float(box[:3, 0].norm()))
    vertices, faces = extract(
        lambda p: true(transform(box, p)), parameters["mesh_resolution"], (-WITHIN, WITHIN), device=views.device
    )
    if not len(faces):
        raise ImageError(
            "The views show no solid object, so there is no surface.", "Try another seed or a clearer image."
        )
    points = transform(box, torch.from_numpy(vertices).to(views.device))
    rgb = vertex_colors(model, scene, transform(to_volume, points), progress)
    mesh = Mesh(points.cpu().numpy(), faces, np.concatenate([rgb, np.full((len(rgb), 1), 255, np.uint8)], 1))
    mesh = remove_degenerate(keep_components(mesh, SMALLEST_PIECE if picture is None else SMALLEST_SHOWN))
    colors = nearest_vertex_colors(mesh)
    if picture is not None:
        mesh, colors = paint_front(mesh, picture), front_colors(mesh, picture, colors)
    return decimate_and_texture(mesh, parameters, colors, lambda i, n: progress.update("Texture", i, n))


def vertex_colors(model: SparseNeuS, scene: Scene, vertices: Tensor, progress: Progress) -> np.ndarray:
    """uint8 (N, 3): the blending network, asked along the surface normal."""
    parts = vertices.split(1 << 13)
    colors = []
    for i, part in enumerate(parts):
        normal = F.normalize(model.gradient(scene, part), dim=1)
        colors.append(model.color(scene, part, normal))
        progress.update("Colours", i + 1, len(parts))
    return (torch.cat(colors).clamp(0, 1) * 255 + 0.5).byte().cpu().numpy()


def transform(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (N, 3) by an affine map (4, 4)."""
    return points @ matrix[:3, :3].T + matrix[:3, 3]
