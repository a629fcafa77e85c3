# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh that an optimisation begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..input_view.input_view import InputView
from ..input_view.match_camera import silhouette_iou
from ..interface.parameters import ParameterError
from ..rendering.mesh import Mesh

MIN_EXTENT = 0.15  # a mesh whose farthest coordinate is less was not made for the cube
MIN_OVERLAP = 0.7  # of silhouettes, from which on a mesh is taken for one of the object in the image


def starting_mesh(start: str, inputs: dict[str, Any]) -> Mesh | None:
    """The mesh among a request's inputs, unless `start` is "nothing". ParameterError where it is missing."""
    if start == "nothing":
        return None
    if "mesh" not in inputs:
        raise ParameterError(
            "There is no mesh to start from.", "Select a mesh in Blender, or give its file with --mesh."
        )
    return inputs["mesh"]


def fit_into(mesh: Mesh) -> Mesh:
    """The mesh as engines make them. One that does not fit the cube [-0.5, 0.5]^3, or is far smaller, is moved to the
    origin and scaled until its farthest vertex is half a unit away, as the starter's training data is."""
    if MIN_EXTENT <= np.abs(mesh.vertices).max() <= 0.5:
        return mesh
    vertices = mesh.vertices - (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    return Mesh(vertices * (0.5 / np.linalg.norm(vertices, axis=1).max()), mesh.faces, mesh.vertex_colors)


def is_shown(mesh: Mesh, view: InputView) -> bool:
    """Whether the mesh covers about the same pixels as the object in the input view."""
    camera, seen = view.camera.to("cpu"), view.rgba[..., 3].cpu().numpy() >= 0.5
    middle = np.array([camera.width, camera.height]) / 2
    return silhouette_iou(mesh, camera.cam_to_world, seen, camera.focal, middle) >= MIN_OVERLAP
