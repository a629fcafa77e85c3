# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs of photograph-like pictures whose opacity is known, by each way to remove a background.

Run: python -m benchmarks.cutouts [--meshes FOLDER] [--sheet OUT.png]

The pictures are made here (cutout_scenes.py), from the meshes in demo/meshes or in a folder of your own. IoU counts
pixels of at least half opacity. The border's error is the mean difference of opacities within 4 pixels of the true
outline; the colour's error the mean difference of the object's colours there, weighted by opacity. Seconds are of
processor time, on all threads.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from backend.interface.errors import ImageError
from backend.preprocess import salient_object
from backend.preprocess.background import cut_at_border_color, cut_out
from backend.runtime.images import to_bytes
from backend.training.meshes import DEMO_MESHES, list_meshes, load_mesh

from .cutout_scenes import Scene, make_scene

BAND = 4  # pixels around the true outline
SHEET_SIDE = 300
MAGENTA = (1.0, 0.0, 1.0)

Way = Callable[[np.ndarray], np.ndarray]  # RGB float32 (H, W, 3) -> RGBA (H, W, 4)


def network() -> tuple[salient_object.Network, Path]:
    """The network that `build.py setup` brings, whatever else is here."""
    found = salient_object.NETWORKS[-1]
    for folder in salient_object.folders(found):
        if (path := folder / f"{found.name}.onnx").is_file():
            return found, path
    raise SystemExit("The network for cut-outs is not here: python build.py setup")


def ways() -> dict[str, Way]:
    """Every way to remove a background, by its name in the table."""
    found = network()
    salient_object.find = lambda: found

    def one_look(color: np.ndarray) -> np.ndarray:
        return np.dstack([color, salient_object.look(*found, to_bytes(color))])

    def two_looks(color: np.ndarray) -> np.ndarray:
        return np.dstack([color, salient_object.matte(*found, to_bytes(color))])

    return {
        "colour only": lambda color: cut_at_border_color(color)[0],
        "network, one look": one_look,
        "network, two looks": two_looks,
        "as in the product": lambda color: cut_out(color)[0],
    }


def measure(scene: Scene, cut: np.ndarray) -> tuple[float, float, float]:
    """IoU, error of the border's opacity, and of its colours."""
    true, alpha = scene.alpha, cut[..., 3]
    solid = true >= 0.5
    both, either = (solid & (alpha >= 0.5)).sum(), (solid | (alpha >= 0.5)).sum()
    edge = np.asarray(ndimage.binary_dilation(solid), bool) & ~np.asarray(ndimage.binary_erosion(solid), bool)
    band = np.asarray(ndimage.binary_dilation(edge | (true > 0.02) & (true < 0.98), iterations=BAND), bool)
    weight = np.minimum(alpha, true) * band * (np.minimum(alpha, true) > 0.05)
    apart = np.abs(cut[..., :3] - scene.color).mean(-1)
    border = float(np.abs(alpha - true)[band].mean())
    return float(both / max(either, 1)), border, float((apart * weight).sum() / max(weight.sum(), 1e-6))


def on(cut: np.ndarray, color: tuple[float, ...]) -> Image.Image:
    """A cut-out on one colour, small."""
    alpha = cut[..., 3:]
    picture = Image.fromarray(to_bytes(cut[..., :3] * alpha + np.array(color) * (1 - alpha)))
    return small(picture)


def small(picture: Image.Image) -> Image.Image:
    picture.thumbnail((SHEET_SIDE, SHEET_SIDE), Image.Resampling.LANCZOS)
    square = Image.new("RGB", (SHEET_SIDE, SHEET_SIDE))
    square.paste(picture)
    return square


def paste(rows: list[list[Image.Image]], path: Path) -> None:
    """Write pictures in rows as one sheet."""
    sheet = Image.new("RGB", (SHEET_SIDE * max(map(len, rows)), SHEET_SIDE * len(rows)))
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            sheet.paste(picture, (x * SHEET_SIDE, y * SHEET_SIDE))
    sheet.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path, default=DEMO_MESHES)
    parser.add_argument("--split", choices=("all", "train", "validation"), default="all")
    parser.add_argument("--photographs", type=int, default=40)
    parser.add_argument("--side", type=int, default=1200, help="pixels of the longer side (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="a picture of every photograph and its cut-outs")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load of the machine {os.getloadavg()[0]:.1f}")
    meshes = list_meshes(options.meshes, options.split)
    order = np.random.default_rng(options.seed).permutation(len(meshes))
    named, results, rows = ways(), {}, []
    for number in range(options.photographs):
        entry = meshes[order[number % len(meshes)]]
        scene = make_scene(load_mesh(*entry), options.seed * 1000 + number, options.side)
        rows.append([small(Image.fromarray(to_bytes(scene.photograph)))])
        line = f"{number:2} {entry[0][:40]:40} {scene.kind:16}"
        for name, way in named.items():
            began = time.process_time()
            try:
                cut = way(scene.photograph)
            except ImageError:
                cut = np.dstack([scene.photograph, np.zeros_like(scene.alpha)])
            seconds = time.process_time() - began
            results.setdefault(name, []).append((*measure(scene, cut), seconds))
            line += " {:.3f} {:.3f}".format(*results[name][-1][:2])
            rows[-1] += [on(cut, MAGENTA)] if name != "as in the product" else [on(cut, MAGENTA), on(cut, (1, 1, 1))]
        print(line, flush=True)
    print(f"\n{'':20} {'IoU':>7} {'median':>7} {'border':>7} {'median':>7} {'colour':>7} {'CPU s':>7}")
    for name, values in results.items():
        mean, middle = np.mean(values, 0), np.median(values, 0)
        figures = (mean[0], middle[0], mean[1], middle[1], mean[2], mean[3])
        print(f"{name:20}" + "".join(f" {value:7.3f}" for value in figures))
    if options.sheet:
        paste(rows, options.sheet)


if __name__ == "__main__":
    main()
