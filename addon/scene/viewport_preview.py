# SPDX-License-Identifier: GPL-3.0-or-later
"""The unfinished mesh of the running job, drawn over the 3D Views. It is no object of the scene: there is nothing to
undo, render or save, and nothing is left when the job ends."""

from __future__ import annotations

import bpy
import numpy as np

from ..base.arrays import MeshArrays
from ..jobs.job import Job

LIGHT = np.array([-0.4, -0.7, 0.6], np.float32) / np.float32(1.005)  # from the left, in front, above
AMBIENT = 0.45


class ViewportPreview:
    """The preview of one session."""

    def __init__(self) -> None:
        self.mesh: MeshArrays | None = None
        self.matrix = np.eye(4)  # cube to world
        self._batch = None  # made on drawing: only then is there a graphics context
        self._handler = None

    def show(self, job: Job | None) -> bool:
        """Show the job's preview, or nothing. Returns whether it changed."""
        mesh = job.progress.preview if job else None
        if mesh is self.mesh:
            return False
        frame = job.delivery.frame(mesh.vertices) if job and mesh else None
        self.mesh, self._batch = mesh, None
        self.matrix = np.eye(4) if frame is None else frame
        if mesh is None:
            self._remove_handler()
        elif self._handler is None and not bpy.app.background:
            self._handler = bpy.types.SpaceView3D.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")
        redraw()
        return True

    def close(self) -> None:
        self.mesh = self._batch = None
        self._remove_handler()

    def _remove_handler(self) -> None:
        if self._handler is not None:
            bpy.types.SpaceView3D.draw_handler_remove(self._handler, "WINDOW")
        self._handler = None

    def _draw(self) -> None:
        """Called by Blender for each 3D View."""
        import gpu
        from gpu_extras.batch import batch_for_shader
        from mathutils import Matrix

        if self.mesh is None:
            return
        shader = gpu.shader.from_builtin("SMOOTH_COLOR")
        if self._batch is None:
            corners, colors = shaded(self.mesh)
            self._batch = batch_for_shader(shader, "TRIS", {"pos": corners, "color": colors})
        gpu.state.depth_test_set("LESS_EQUAL")
        gpu.state.depth_mask_set(True)
        with gpu.matrix.push_pop():
            gpu.matrix.multiply_matrix(Matrix(self.matrix.tolist()))
            shader.bind()
            self._batch.draw(shader)
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")


def shaded(mesh: MeshArrays) -> tuple[np.ndarray, np.ndarray]:
    """Corners float32 (3 M, 3) and their sRGB colours float32 (3 M, 4), with flat shading."""
    corners = mesh.vertices[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = AMBIENT + (1 - AMBIENT) * np.clip(normal @ LIGHT, 0, 1)
    colors = mesh.colors[mesh.faces] / np.float32(255)
    colors[..., :3] *= light[:, None, None] ** (1 / 2.2)  # as much darker as linear colours times light
    return corners.reshape(-1, 3).astype(np.float32), colors.reshape(-1, 4).astype(np.float32)


def redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
