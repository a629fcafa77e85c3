# SPDX-License-Identifier: GPL-3.0-or-later
"""The input image, framed, as the view that a mesh is made true to."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..input_view.input_view import INPUT_VIEW_SIZE, InputView
from .framing import frame


def framed_view(rgba: np.ndarray, cam_to_world: Tensor, fov_deg: float, zoom: float, device: torch.device) -> InputView:
    """A cut-out image (H, W, 4), framed, and its camera: that of (cam_to_world, fov_deg), magnified by `zoom`.

    Raises ImageError.
    """
    small, detailed = (torch.from_numpy(frame(rgba, size)[0]).to(device) for size in (INPUT_VIEW_SIZE, None))
    return InputView.from_framed(small, cam_to_world, fov_deg, zoom, detailed)
