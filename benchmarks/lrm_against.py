# SPDX-License-Identifier: GPL-3.0-or-later
"""Image to mesh with LRM here and in another checkout of this repository, in one run: processor time and vertices.

Run: python -m benchmarks.lrm_against OTHER [--meshes FOLDER] [--count 10] [--weights FOLDER] [--cells 256]

Renders pictures of the first validation objects of the folder. For each, the two checkouts work in turns, each in a
process of its own, with the default settings; a first job, which is not counted, loads the model. Then
both make the mesh before it is decimated, and the distance of each vertex to the nearest one of the other mesh is
told in cells. `--weights` is a folder of published weights, such as `lrm_full_size --folder` leaves.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

ROOT = Path(__file__).resolve().parents[1]
JOB = """
import json, sys, time
import numpy as np
start = time.process_time()
from backend.engines import Request, lrm
from backend.interface.tasks import task
from backend.runtime.progress import Progress
loading = time.process_time() - start
image, out, first, values = sys.argv[1:5]
def run(image, **more):
    parameters = task("lrm").check(json.loads(values) | more)
    start = time.process_time()
    mesh = lrm.run(Request("lrm", {"image": np.load(image)}, parameters, 0), Progress()).mesh
    return mesh, time.process_time() - start
run(first, texture="off", mesh_resolution=32)
_, seconds = run(image)
mesh, _ = run(image, texture="off", max_faces=0)
np.save(out, mesh.vertices)
print(json.dumps({"seconds": seconds, "loading": loading}))
"""


def render(meshes: Path, count: int, folder: Path) -> list[Path]:
    """Pictures of validation objects, as arrays; their files."""
    from backend.training.meshes import list_meshes, load_mesh
    from backend.training.render import Light, Renderer, orbit

    files = []
    for i, entry in enumerate(list_meshes(meshes, "validation")[:count]):
        rng = np.random.default_rng([i, 11])
        renderer = Renderer(load_mesh(*entry), Light.random(rng))
        image = renderer.render(orbit(rng.uniform(0, 360), rng.uniform(0, 35)), 512)[0]
        files.append(folder / f"{i:02d} {entry[0]}.npy")
        np.save(files[-1], image.astype(np.float32) / 255)
    return files


def work(checkout: Path, image: Path, first: Path, values: str) -> tuple[dict[str, float], np.ndarray]:
    """Run a job in a checkout; its figures and the vertices of its full mesh."""
    out = image.with_suffix(".out.npy")
    command = [sys.executable, "-c", JOB, str(image), str(out), str(first), values]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), np.load(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--meshes", type=Path, default=ROOT / "demo" / "meshes")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--skip", type=int, default=0, help="pictures of that many first objects")
    parser.add_argument("--weights", default="starter")
    parser.add_argument("--cells", type=int, default=256)
    options = parser.parse_args()
    values = json.dumps({"device": "cpu", "mesh_resolution": options.cells, "weights": options.weights})
    cell = 1.2 / options.cells if options.weights == "starter" else 1 / options.cells
    total = np.zeros(2)
    with tempfile.TemporaryDirectory() as temporary:
        files = render(options.meshes.resolve(), options.count, Path(temporary))
        for image in files[options.skip :]:
            here, vertices = work(ROOT, image, files[0], values)
            other, others = work(options.other.resolve(), image, files[0], values)
            apart = np.concatenate([KDTree(others).query(vertices)[0], KDTree(vertices).query(others)[0]]) / cell
            total += here["seconds"], other["seconds"]
            ratio = here["seconds"] / other["seconds"]
            figures = f"{here['seconds']:.2f} s here, {other['seconds']:.2f} s there: {ratio:.2f}"
            print(f"{image.stem}: {figures}; imports {here['loading']:.2f} and {other['loading']:.2f} s")
            print(f"  cells apart: 99 % {np.quantile(apart, 0.99):.3f}, at most {apart.max():.2f}", flush=True)
    print(f"all: {total[0]:.1f} s here, {total[1]:.1f} s there: {total[0] / total[1]:.2f}")


if __name__ == "__main__":
    main()
