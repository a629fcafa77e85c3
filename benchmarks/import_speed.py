# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a mesh takes into a Blender scene: `BPY_PYTHON benchmarks/import_speed.py [VERTICES] [RUNS]`.

On a busy machine the clock counts the time of others too; the processor's time is what the import itself takes.
"""

import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np

try:
    import bpy
except ImportError:
    sys.exit("This benchmark needs a Python with bpy, as `build.py demo` installs one: DATA/blender-4.5/bin/python.")

ROOT = Path(__file__).resolve().parents[1]
NAME = "image_to_mesh_checkout"


def extension():
    """The checkout as the package that Blender makes of it, not registered."""
    spec = importlib.util.spec_from_file_location(NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    assert spec and spec.loader
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
    names = f"{NAME}.addon.scene.mesh_import", f"{NAME}.addon.base.arrays"
    return tuple(map(importlib.import_module, names))


def sheet(count: int):
    """Vertices, triangles and colours of a wavy sheet of about `count` vertices."""
    n = round(count**0.5)
    x, y = np.meshgrid(*2 * [np.linspace(-0.5, 0.5, n, dtype=np.float32)])
    vertices = np.stack([x, y, 0.2 * np.sin(9 * x)], -1).reshape(-1, 3)
    i = np.arange(n * n, dtype=np.int32).reshape(n, n)
    a, b, c, d = (corner.ravel() for corner in (i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    colors = np.random.default_rng(0).integers(0, 256, (n * n, 4), dtype=np.uint8)
    return vertices, faces, colors


def main() -> None:
    count, runs = int(sys.argv[1]) if sys.argv[1:] else 500_000, int(sys.argv[2]) if sys.argv[2:] else 5
    mesh_import, arrays = extension()
    mesh = arrays.MeshArrays(*sheet(count))
    began = time.process_time()
    edges, _ = mesh.topology
    print(f"{len(edges):,} edges found in {time.process_time() - began:.3f} s of the processor, by the reader thread")
    print(f"Blender {bpy.app.version_string}, {len(mesh.vertices):,} vertices, {len(mesh.faces):,} triangles")
    for run in range(runs):
        bpy.ops.wm.read_homefile(use_empty=False)
        began, worked = time.perf_counter(), time.process_time()
        mesh_import.add_object(mesh, "Mesh", {}, (0.0, 0.0, 0.0), bpy.context.scene)
        clock, work = time.perf_counter() - began, time.process_time() - worked
        busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"run {run + 1}: {clock:.3f} s on the clock, {work:.3f} s of the processor, load {busy:.1f}", flush=True)
    os._exit(0)  # bpy modules of some versions do not survive their interpreter's end


main()
