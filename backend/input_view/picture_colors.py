# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image on the mesh: its colours where it shows the surface, and colours that agree with it elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from torch import Tensor

from ..interface.common_parameters import MODEL, MeshParameters
from ..meshing.texture import NO_TEXTURE, Colors, Step, bake, decimate_for, nearest_vertex_colors, texel_size
from ..rendering.mesh import Mesh
from ..runtime.images import to_bytes
from .color_correction import Interpolation, correct
from .input_view import InputView
from .shown_colors import ShownColors
from .unseen_sides import unseen_colors

PROJECTED, NOT_PROJECTED = "Projected onto the mesh.", "Not projected onto the mesh."  # for a result's facts
UNMATCHED = "The image was not projected onto the mesh, because their outlines agree only to {:.0f} %."
SHARPNESS = 1.4  # pixels of the image for each texel


class PictureColors:
    """Colours of a mesh: the input view's, blended into `own` ones that are made to agree with it."""

    def __init__(self, mesh: Mesh, shown: ShownColors, own: Colors) -> None:
        self.mesh, self.shown, self.own = mesh, shown, own
        points, normals = mesh.vertices, mesh.vertex_normals
        edges = points[mesh.faces[:, 0]] - points[mesh.faces[:, 1]]
        picture, share = shown.at(points, normals, self.averaged(float(np.linalg.norm(edges, axis=1).mean())))
        base = own(points, normals)
        self.change = correct(mesh, picture - base, share)
        base = base + self.change
        self.at_vertices = base + share[:, None] * (picture - base)  # sRGB 0..1 (N, 3)

    def on_surface(self, spacing: float) -> Colors:
        """Colours by points and normals; spacing: distance between the points, in world units."""
        image, change = self.averaged(spacing), Interpolation(self.mesh, self.change)

        def colors(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
            rgb, share = self.shown.at(points, normals, image)
            rest = np.flatnonzero(share < 1)
            if len(rest):
                base = self.own(points[rest], normals[rest]) + change(points[rest])
                rgb[rest] = base + share[rest, None] * (rgb[rest] - base)
            return np.clip(rgb, 0, 1)

        return colors

    def averaged(self, spacing: float) -> Tensor:
        """The image, averaged down until its pixels are about as far apart as the points."""
        camera = self.shown.view.camera
        width = 2 * math.tan(math.radians(camera.fov_deg) / 2) * float(camera.position.norm())
        return self.shown.averaged(max(16, round(SHARPNESS * width / max(spacing, 1e-6))))


def finish_mesh(
    mesh: Mesh,
    parameters: MeshParameters,
    own: Colors | None,
    view: InputView | None,
    step: Step | None = None,
    unseen_sides: str = MODEL,
) -> Mesh:
    """Decimate, colour and texture a mesh as the parameters ask, with the input view's colours if there is one.

    own: colours by points and normals, by default the mesh's vertex colours. step: called with (done, total) faces.
    unseen_sides: where the colours that the view does not show come from.
    """
    colors = own or nearest_vertex_colors(mesh)
    mesh = decimate_for(mesh, parameters)
    if not len(mesh.faces):
        return mesh
    side = 0 if parameters.texture == NO_TEXTURE else int(parameters.texture)
    if view is not None:
        shown = ShownColors(mesh, view)
        picture = PictureColors(mesh, shown, unseen_colors(mesh, shown, colors, unseen_sides))
        mesh = with_vertex_colors(mesh, picture.at_vertices)
        colors = picture.on_surface(texel_size(mesh, side)) if side else colors
    return bake(mesh, side, colors, step) if side else mesh


def paint_picture(mesh: Mesh, view: InputView) -> Mesh:
    """The mesh with the input view's colours at its vertices; the others' are made to agree with it."""
    own = mesh.vertex_colors[:, :3].astype(np.float32) / 255
    return with_vertex_colors(mesh, PictureColors(mesh, ShownColors(mesh, view), lambda *_: own).at_vertices)


def with_vertex_colors(mesh: Mesh, rgb: np.ndarray) -> Mesh:
    """The mesh with vertex colours sRGB 0..1 (N, 3)."""
    rgba = mesh.vertex_colors.copy()
    rgba[:, :3] = to_bytes(rgb)
    return replace(mesh, vertex_colors=rgba)
