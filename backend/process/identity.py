# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether a checkpoint belongs to a request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..rendering.lens import ViewCamera
from ..rendering.mesh import Mesh
from ..runtime.images import to_bytes

if TYPE_CHECKING:
    from ..engines import Request

CHANGEABLE = {"mesh_resolution", "max_faces", "texture", "device", "minutes"}  # no effect on what is optimised


def identify(request: Request[Any]) -> str:
    """A text that is the same for requests whose optimisation is the same: one may resume the other's checkpoint.

    Images, float 0..1, count by their 8-bit values, so that one that was kept as a PNG is still the same.
    """
    settings = {name: value for name, value in vars(request.parameters).items() if name not in CHANGEABLE}
    digest = hashlib.sha256(repr((request.task, request.seed, sorted(settings.items()))).encode())
    for name, value in sorted(request.inputs.items()):
        digest.update(name.encode())
        add(digest, value)
    return digest.hexdigest()


def add(digest: Any, value: Any) -> None:
    """Feed an input to a digest: an image, a Mesh, a list of inputs, or anything with a full repr."""
    if isinstance(value, np.ndarray):
        digest.update(repr(value.shape).encode() + to_bytes(value).tobytes())
    elif isinstance(value, Mesh):
        for array in (value.vertices, value.faces, value.vertex_colors):
            digest.update(array.tobytes())
    elif isinstance(value, (list, tuple)):
        for item in value:
            add(digest, item)
    elif isinstance(value, ViewCamera):
        digest.update(repr((value.cam_to_world.tolist(), value.lens)).encode())
    else:
        digest.update(repr(value).encode())
