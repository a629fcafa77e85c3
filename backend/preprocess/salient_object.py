# SPDX-License-Identifier: GPL-3.0-or-later
"""Background removal by IS-Net (Qin et al. 2022) and U^2-Net (Qin et al. 2020), whose inputs are those of rembg.

Importing rembg itself takes 75 s on one core, because it compiles a matting method that is not used here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..interface import catalog
from ..interface.catalog import WeightsError
from ..interface.errors import one_line
from ..interface.files import expand
from ..runtime.devices import usable_cores
from ..weights.store import store
from .outline import bounds

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SMALL_SIDE = 320  # pixels of a small network's input: it looks at the object a second time, from nearer
MARGIN = 0.12  # around the object in the second look, as a share of its longer side
SURE = 0.5  # least opacity, as the network gives it, of a picture's most salient point if there is an object
AGREEMENT = 0.95  # of the two looks, common to total opacity; below it, the second may have lost a part
KEPT_BYTES = 1 << 24  # the session of a network of at most this size is kept for the next image
MOST_THREADS = 4


@dataclass(frozen=True)
class Network:
    """A published network and its input: square images of `size` pixels, (colour - mean) / deviation.

    ours: id of the set of weights that has it, "" if only rembg's own folder may.
    """

    name: str
    size: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    ours: str = ""


IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NETWORKS = (  # best first
    Network("isnet-general-use", 1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), "rembg-isnet"),
    Network("u2net", SMALL_SIDE, *IMAGENET),
    Network("silueta", SMALL_SIDE, *IMAGENET),
    Network("u2netp", SMALL_SIDE, *IMAGENET, "u2netp"),
)


def find() -> tuple[Network, Path] | None:
    """The best network that is installed, by us or by rembg; None if there is none."""
    for network in NETWORKS:
        for folder in folders(network):
            if os.path.isfile(path := folder / f"{network.name}.onnx"):  # False too where a home may not be read
                return network, path
    return None


def folders(network: Network) -> Iterator[Path]:
    """Folders that may hold a network's file, rembg's own last."""
    if network.ours and (ours := store.locate(network.ours)) is not None:
        yield ours
    yield expand(os.environ.get("U2NET_HOME") or "~/.u2net")
    yield expand(os.environ.get("REMBG_HOME") or "~/.rembg") / "models" / network.name


def is_damaged(network: Network, path: Path) -> bool:
    """Whether one of our files is not what the catalog says that it is. Read once, unless the file changes."""
    known = catalog.weights(network.ours).files[0].sha256 if network.ours else None
    if known is None or path.parent != store.locate(network.ours):
        return False
    return sum_of(path, path.stat().st_mtime_ns) != known


@lru_cache(maxsize=4)
def sum_of(path: Path, changed: int) -> str:
    """The sha256 in hex of a file that was last written at `changed`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def matte(network: Network, path: Path, color: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) -> the object's opacity, float32 (H, W), 0..1, 0 everywhere without an object. WeightsError.

    A small network sees a large picture's outline only coarsely, so it looks again at the part that holds the object.
    """
    first = look(network, path, color)
    if network.size > SMALL_SIDE or (box := around(first)) is None:
        return first
    second = np.zeros_like(first)
    second[box] = look(network, path, np.ascontiguousarray(color[box]))
    common = np.minimum(first, second).sum() / max(np.maximum(first, second).sum(), 1e-9)
    return second if common > AGREEMENT else np.maximum(second, np.clip(2 * first - 1, 0, 1))


def around(alpha: np.ndarray) -> tuple[slice, slice] | None:
    """The rows and columns that hold an object, with a margin; None if there is no object, or nothing beside it."""
    if (found := bounds(alpha >= 0.5)) is None:
        return None
    top, bottom, left, right = found
    margin = 2 + round(MARGIN * max(bottom - top, right - left))
    box = slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin)
    return None if alpha[box].size > 0.9 * alpha.size else box


def look(network: Network, path: Path, color: np.ndarray) -> np.ndarray:
    """The opacity (H, W), 0..1, as rembg computes it from RGB uint8 (H, W, 3). WeightsError."""
    picture = Image.fromarray(color)
    shown = np.asarray(picture.resize((network.size, network.size), Image.Resampling.LANCZOS), np.float64)
    shown = (shown / max(shown.max(), 1e-6) - network.mean) / network.deviation
    try:
        session = load(path)
        inputs = {session.get_inputs()[0].name: shown.transpose(2, 0, 1)[None].astype(np.float32)}
        saliency = np.asarray(session.run([session.get_outputs()[0].name], inputs)[0])[0, 0]
    except Exception as error:  # onnxruntime's own exceptions have no common name
        remedy = "Delete the file and download it again."
        raise WeightsError(f"{path} cannot be used: {one_line(error)}.", remedy) from error
    low, high = saliency.min(), saliency.max()
    if high < SURE:  # rembg would stretch even this to 1
        return np.zeros(color.shape[:2], np.float32)
    levels = ((saliency - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return np.asarray(Image.fromarray(levels).resize(picture.size, Image.Resampling.LANCZOS), np.float32) / 255


def load(path: Path) -> InferenceSession:
    """The network in a file, kept for the next image if it is small."""
    facts = path.stat()
    return load_kept(path, facts.st_mtime_ns) if facts.st_size <= KEPT_BYTES else start(path)


@lru_cache(maxsize=1)
def load_kept(path: Path, changed: int) -> InferenceSession:
    """A session of a file that was last written at `changed`."""
    return start(path)


def start(path: Path) -> InferenceSession:
    """A session with few threads, which sleep when there is nothing to do."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(usable_cores(), MOST_THREADS)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
