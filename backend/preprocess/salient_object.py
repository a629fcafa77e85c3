# SPDX-License-Identifier: GPL-3.0-or-later
"""Background removal by IS-Net and U^2-Net, run as in the package rembg.

Importing rembg itself takes 75 s on one core, because it compiles a matting method that is not used here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..interface.catalog import WeightsError
from ..interface.errors import one_line
from ..weights.store import store


@dataclass(frozen=True)
class Network:
    """A published network and its input: square images of `size` pixels, (colour - mean) / deviation."""

    name: str
    size: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NETWORKS = (  # best first
    Network("isnet-general-use", 1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    Network("u2net", 320, *IMAGENET),
    Network("silueta", 320, *IMAGENET),
    Network("u2netp", 320, *IMAGENET),
)


def find() -> tuple[Network, Path] | None:
    """The best network that is installed, by us or by rembg; None if there is none."""
    for network in NETWORKS:
        for folder in folders(network.name):
            if (path := folder / f"{network.name}.onnx").is_file():
                return network, path
    return None


def folders(name: str) -> Iterator[Path]:
    """Folders that may hold a network's file, rembg's own last."""
    if name == "isnet-general-use" and (ours := store.locate("rembg-isnet")) is not None:
        yield ours
    flat = Path(os.environ.get("U2NET_HOME") or "~/.u2net").expanduser()
    yield flat
    yield Path(os.environ.get("REMBG_HOME") or "~/.rembg").expanduser() / "models" / name


def matte(network: Network, path: Path, color: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) -> the object's opacity at each pixel, float32 (H, W), 0..1. WeightsError."""
    import onnxruntime

    picture = Image.fromarray(color)
    shown = np.asarray(picture.resize((network.size, network.size), Image.Resampling.LANCZOS), np.float64)
    shown = (shown / max(shown.max(), 1e-6) - network.mean) / network.deviation
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        given = {session.get_inputs()[0].name: shown.transpose(2, 0, 1)[None].astype(np.float32)}
        saliency = np.asarray(session.run(None, given)[0])[0, 0]
    except Exception as error:  # onnxruntime's own exceptions have no common name
        remedy = "Delete the file and download it again."
        raise WeightsError(f"{path} cannot be used: {one_line(error)}.", remedy) from error
    low, high = saliency.min(), saliency.max()
    levels = ((saliency - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize(picture.size, Image.Resampling.LANCZOS), np.float32) / 255
