# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether a checkpoint belongs to a request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..preprocess.framing import to_bytes
from ..rendering.cameras import Camera
from ..rendering.mesh import Mesh

CHANGEABLE = {"mesh_resolution", "max_faces", "texture", "device", "minutes"}  # without effect on the optimised field


def identify(engine: str, inputs: Mapping[str, Any], parameters: Mapping[str, Any], seed: int) -> str:
    """A text that is the same for requests whose optimisation is the same: a checkpoint of one may serve the other.

    Images float 0..1 count by their 8-bit values, so that one that was kept as PNG is still the same.
    """
    settings = {name: value for name, value in parameters.items() if name not in CHANGEABLE}
    digest = hashlib.sha256(repr((engine, seed, sorted(settings.items()))).encode())
    for name, value in sorted(inputs.items()):
        digest.update(name.encode())
        add(digest, value)
    return digest.hexdigest()


def add(digest: Any, value: Any) -> None:
    """Feed one input to a digest: an image, a Mesh, a Camera, a list of these, or plain values."""
    if isinstance(value, np.ndarray):
        digest.update(repr(value.shape).encode() + to_bytes(value).tobytes())
    elif isinstance(value, Mesh):
        for array in (value.vertices, value.faces, value.vertex_colors):
            digest.update(array.tobytes())
    elif isinstance(value, Camera):
        digest.update(repr((value.cam_to_world.tolist(), value.fov_deg, value.width, value.height)).encode())
    elif isinstance(value, (list, tuple)):
        for item in value:
            add(digest, item)
    else:
        digest.update(repr(value).encode())
