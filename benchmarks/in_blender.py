# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes as Blender's own importer reads their files, from five sides, one row each, under an even white sky.

BPY_PYTHON benchmarks/in_blender.py [PICTURE MESH.glb ...]; without them, the demo's mesh to build/in_blender.png.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

try:
    import bpy
except ImportError:
    sys.exit("This script needs a Python with bpy, as `build.py demo` installs one: DATA/blender-4.5/bin/python.")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from demo import scene, sheet  # noqa: E402

AZIMUTHS = (0, 45, 120, 180, 270)
PIXELS = 144  # a side of each cell


def look(path: Path, folder: Path) -> np.ndarray:
    """A row of cells, float32 (PIXELS, len(AZIMUTHS) PIXELS, 4), of all that the file holds."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    scene.set_up_scene()
    bpy.data.lights["sun"].energy = 0  # the light is a part of the colours already
    bpy.context.scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 1
    cells = []
    for azimuth in AZIMUTHS:
        scene.aim_camera(azimuth)
        bpy.context.scene.render.filepath = str(folder / "cell.png")
        with scene.quiet():
            bpy.ops.render.render(write_still=True)
        cells.append(sheet.fit(scene.read(folder / "cell.png"), PIXELS))
    (folder / "cell.png").unlink()
    return np.concatenate(cells, 1)


if __name__ == "__main__":
    picture, *meshes = map(Path, sys.argv[1:] or (ROOT / "build/in_blender.png", ROOT / "build/demo/mesh.glb"))
    if not all(mesh.is_file() for mesh in meshes):
        sys.exit("No such mesh. Name one, or make the demo's first: python build.py demo")
    sheet.PIXELS, sheet.FOV_DEG, scene.SAMPLES = PIXELS, 24.0, 64
    scene.save(np.concatenate([look(mesh.resolve(), picture.parent) for mesh in meshes]), picture)
