# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo without Blender: `PYTHON sides.py IMAGE MESH.ply PICTURE.png`, PYTHON being the backend's.

Writes the mesh once more as .glb beside the .ply, and a picture of the image and of the mesh from four sides, drawn by
the backend's own rasteriser: its vertex colours, without any light.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from backend.meshing.files import load, save  # noqa: E402
from backend.preprocess.image import read_image  # noqa: E402
from backend.rendering.cameras import Camera, orbit  # noqa: E402
from backend.rendering.rasteriser import render_mesh  # noqa: E402
from demo import sheet  # noqa: E402


def main(image: Path, ply: Path, picture: Path) -> None:
    mesh, glb = load(ply), ply.with_suffix(".glb")
    save(mesh, glb)
    cells = [read_image(image)]
    for _, azimuth in sheet.SIDES:
        position = orbit(azimuth, sheet.ELEVATION_DEG, sheet.RADIUS)
        cells.append(render_mesh(mesh, Camera(position, sheet.FOV_DEG, sheet.PIXELS, sheet.PIXELS)).numpy())
    row = np.concatenate([sheet.fit(cell) for cell in cells], 1)
    Image.fromarray((row[..., :3] * 255 + 0.5).astype(np.uint8)).save(picture)
    for path in (ply, glb, picture):
        print(path.resolve(), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
