# SPDX-License-Identifier: GPL-3.0-or-later
"""The unfinished mesh, drawn over the 3D Views where it will be. It is no object of the scene: nothing to undo, to
render or to save, and nothing is left of it when the job ends."""

from __future__ import annotations

import bpy
import numpy as np

from ..base.arrays import MeshArrays
from ..jobs.job import Job

LIGHT = np.array([-0.4, -0.7, 0.6], np.float32) / np.float32(1.005)  # from the left, in front, above
AMBIENT = 0.45

_shown: MeshArrays | None = None
_matrix = np.eye(4)
_batch = None  # made when it is drawn: only then is there a graphics context
_handler = None


def show(job: Job | None) -> bool:
    """Take over what a job has by now; whether it changed. A job without a mesh shows nothing."""
    global _shown, _matrix, _batch, _handler
    mesh = job.preview if job else None
    if mesh is _shown:
        return False
    _shown, _batch = mesh, None
    if job and mesh is not None:
        _matrix = np.eye(4) if job.frame is None else job.frame
        if job.frame is None:
            _matrix[:3, 3] = job.location
        if _handler is None and not bpy.app.background:
            _handler = bpy.types.SpaceView3D.draw_handler_add(draw, (), "WINDOW", "POST_VIEW")
    elif _handler is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handler, "WINDOW")
        _handler = None
    return True


def shaded(mesh: MeshArrays) -> tuple[np.ndarray, np.ndarray]:
    """Corners float32 (3 M, 3) and their colours (3 M, 4) in sRGB, each triangle lit as a plane."""
    corners = mesh.vertices[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = AMBIENT + (1 - AMBIENT) * np.clip(normal @ LIGHT, 0, 1)
    colors = mesh.colors[mesh.faces] / np.float32(255)
    colors[..., :3] *= light[:, None, None] ** (1 / 2.2)  # as much darker as linear colours times light
    return corners.reshape(-1, 3).astype(np.float32), colors.reshape(-1, 4).astype(np.float32)


def draw() -> None:
    """Called by Blender for each 3D View."""
    global _batch
    import gpu
    from gpu_extras.batch import batch_for_shader
    from mathutils import Matrix

    if _shown is None:
        return
    shader = gpu.shader.from_builtin("SMOOTH_COLOR")
    if _batch is None:
        corners, colors = shaded(_shown)
        _batch = batch_for_shader(shader, "TRIS", {"pos": corners, "color": colors})
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(True)
    with gpu.matrix.push_pop():
        gpu.matrix.multiply_matrix(Matrix(_matrix.tolist()))
        shader.bind()
        _batch.draw(shader)
    gpu.state.depth_mask_set(False)
    gpu.state.depth_test_set("NONE")


def redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def unregister() -> None:
    show(None)
