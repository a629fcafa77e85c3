# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves of an optimisation's losses."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 480, 110  # pixels of one loss's strip
LEFT, TOP, RIGHT, BOTTOM = 64, 22, 10, 18  # its margins
INK, FRAME, RAW, SMOOTH = (40, 40, 40), (225, 225, 225), (200, 214, 234), (38, 92, 165)


def draw_curves(losses: dict[str, list[float]]) -> bytes:
    """PNG with one strip a loss: every step faint, a running mean of a fiftieth of the steps bold, smallest and
    largest mean at the left, steps below. Values that are not finite are left out.
    """
    strips = [(name, np.asarray(values, np.float64)) for name, values in losses.items() if len(values)]
    image = Image.new("RGB", (WIDTH, HEIGHT * max(1, len(strips))), "white")
    draw = ImageDraw.Draw(image)
    for i, (name, values) in enumerate(strips):
        _draw_strip(draw, name, values, i * HEIGHT)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _draw_strip(draw: ImageDraw.ImageDraw, name: str, values: np.ndarray, top: int) -> None:
    box = (LEFT, top + TOP, WIDTH - RIGHT, top + HEIGHT - BOTTOM)
    draw.text((LEFT, top + 5), name, INK)
    draw.rectangle(box, outline=FRAME)
    steps = np.nonzero(np.isfinite(values))[0]
    if not len(steps):
        return
    values = values[steps]
    smooth = running_mean(values, max(1, len(values) // 50))
    low, high = float(smooth.min()), float(smooth.max())
    span = max(high - low, 1e-12)

    def line(heights: np.ndarray) -> list[tuple[float, float]]:
        x = box[0] + (box[2] - box[0]) * steps / max(1, steps[-1])
        y = box[3] - (box[3] - box[1]) * np.clip((heights - low) / span, 0, 1)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    draw.line(line(values), RAW)
    draw.line(line(smooth), SMOOTH, width=2)
    for value, y in ((high, box[1]), (low, box[3] - 10)):
        draw.text((4, y), f"{value:.3g}", INK)
    draw.text((box[2] - 40, box[3] + 3), f"{steps[-1] + 1} steps", INK)


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean of the last `width` values at each place, of fewer at the beginning."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - width, 0)
    return (total[end] - total[start]) / (end - start)
