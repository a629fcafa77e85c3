# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the picture lies on the mesh that the LRM starter makes of it: likeness, seam and colours of the background.

Run: python -m benchmarks.picture_on_mesh --meshes FOLDER --count 12 [--split train]

Every object is rendered at 1024 pixels and becomes a mesh with a texture of 1024 texels a side and at most 30,000
faces, as artists get it by default, but from a grid of `--resolution` cells, which hardly matters here.
inside: PSNR in dB of the mesh against the framed picture at 512 pixels from the picture's own camera, over the pixels
that both fill wholly (the outline's own pixels, mixed with background, do not count). on white: over all pixels.
step: mean difference of colour (0 to 255) across the border of what the picture shows, between the means over a few
faces on both sides. A face is shown if the camera sees some of it at less than 70 degrees. far: the same step where
the border is not, between faces as far apart.
background: texels that take a colour of the background, from a picture whose soft border, 4 pixels wide, is mixed with
green or magenta, whichever is less like the object.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import binary_erosion, gaussian_filter
from scipy.sparse import coo_array, csr_array, diags_array

from backend.engines import Request, lrm
from backend.evaluation.objects import centred, turned
from backend.interface.tasks import task
from backend.rendering.cameras import Camera
from backend.rendering.mesh import Mesh
from backend.rendering.rasteriser import rasterise, render_mesh
from backend.runtime.images import on_white
from backend.runtime.progress import Progress
from backend.training.meshes import list_meshes, load_mesh
from backend.training.render import Light, Renderer, orbit

COARSE = 64  # cells a side of the mesh whose texels are counted
SIZE, SEEN_SIZE = 1024, 1024  # pixels a side of the picture, and of the view that finds the faces that it shows
STEEPEST = 70.0  # degrees between the view and the normal of a face that counts as shown
SOFT = 1.5  # pixels; standard deviation of the soft border
TINT = 0.1  # more of the background's colour than anywhere in the object's inside
BACKGROUNDS = (np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))


def picture_of(entry: tuple[str, str, Path], index: int) -> np.ndarray:
    """An object, float32 RGBA, from a side and height that `index` seeds, as `evaluate` sees it."""
    rng = np.random.default_rng([index, 11])
    turn, elevation = rng.uniform(0, 360), rng.uniform(0, 35)
    renderer = Renderer(centred(turned(load_mesh(*entry), -turn)), Light.random(rng))
    return renderer.render(orbit(0, elevation), SIZE)[0].astype(np.float32) / 255


def make(picture: np.ndarray, resolution: int) -> Mesh:
    """The mesh of a picture, by the starter weights."""
    parameters = task("lrm").check({"mesh_resolution": resolution})
    return lrm.run(Request("lrm", {"image": picture}, parameters, 0), Progress()).mesh


def picture_view(picture: np.ndarray) -> tuple[np.ndarray, Camera]:
    """The framed picture (512, 512, 4) and its camera, as the engine takes them."""
    model, _ = lrm.load(lrm.find_weights("starter"), torch.device("cpu"))
    view = lrm.StarterLRM(model).prepare(picture, task("lrm").check({}), 0).input_view
    assert view is not None
    return view.rgba.numpy(), view.camera


def likeness(mesh: Mesh, framed: np.ndarray, camera: Camera) -> tuple[float, float]:
    """PSNR in dB inside the common silhouette, and of all pixels on white."""
    seen = render_mesh(mesh, camera, 3).numpy()
    inside = (seen[..., 3] > 0.999) & (framed[..., 3] > 0.999)
    errors = seen[..., :3][inside] - framed[..., :3][inside], on_white(seen) - on_white(framed)
    return tuple(-10 * math.log10(float(np.square(e).mean())) for e in errors)  # pyright: ignore[reportReturnType]


def seam(mesh: Mesh, camera: Camera) -> tuple[float, float]:
    """Mean step of colour, 0..255, across the border of the faces that the camera shows, and elsewhere."""
    camera = Camera(camera.cam_to_world, camera.fov_deg, SEEN_SIZE, SEEN_SIZE)
    faces = torch.from_numpy(mesh.faces).long()
    visible = np.zeros(len(faces), bool)
    visible[np.unique(rasterise(torch.from_numpy(mesh.vertices), faces, camera).face.clamp(min=0))] = True
    corners = mesh.vertices[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    view = camera.position.numpy() - corners.mean(1)
    cosine = (normal * view).sum(1) / np.maximum(np.linalg.norm(normal, axis=1) * np.linalg.norm(view, axis=1), 1e-20)
    shown = visible & (cosine > math.cos(math.radians(STEEPEST)))
    first, second = neighbours(mesh)
    across = shown[first] != shown[second]
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(faces),) * 2).tocsr()
    same = coo_array((~across * 1.0, (first, second)), shape=graph.shape).tocsr()
    rgb = face_colors(mesh)
    sides = averaged(same, rgb)
    step = np.abs(sides[first] - sides[second]).mean(1)
    near = graph @ (graph @ np.bincount(first[across], minlength=len(faces)))
    far = step[np.asarray(near)[first] == 0]
    return float(step[across].mean()), float(far.mean())


def averaged(graph: csr_array, values: np.ndarray) -> np.ndarray:
    """Values (M, C) averaged twice over every face and its neighbours in a graph."""
    graph = graph + diags_array(np.ones(len(values)))
    graph = diags_array(1 / graph.sum(1)) @ graph
    return graph @ (graph @ values)


def neighbours(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of faces with a common edge, in both orders."""
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), 1)
    order = np.lexsort(edges.T)
    same = (edges[order[1:]] == edges[order[:-1]]).all(1)
    a, b = order[1:][same] // 3, order[:-1][same] // 3
    return np.concatenate([a, b]), np.concatenate([b, a])


def face_colors(mesh: Mesh) -> np.ndarray:
    """Colours 0..255 (M, 3) of the texture in the middles of the faces."""
    assert mesh.uv is not None and mesh.texture is not None
    side = len(mesh.texture)
    column, row = (mesh.uv.mean(1) * [side, -side] + [0, side]).T.astype(int).clip(0, side - 1)
    return mesh.texture[row, column, :3].astype(float)


def on_background(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a soft border in which a background's colour is left; and that colour."""
    alpha = np.clip(gaussian_filter(picture[..., 3], SOFT) * 2 - 1, 0, 1)  # soft inwards: there the object is
    inside = picture[np.asarray(binary_erosion(picture[..., 3] > 0.99, iterations=3), bool)][:, :3]
    background = min(BACKGROUNDS, key=lambda color: float(tint(inside, color).max(initial=-1)))
    rgb = picture[..., :3] * alpha[..., None] + background * (1 - alpha[..., None])
    return np.concatenate([rgb, alpha[..., None]], -1).astype(np.float32), background


def tint(rgb: np.ndarray, background: np.ndarray) -> np.ndarray:
    """How much colours (N, 3) are like a pure one: 1 where they are, negative where they are more like others."""
    return rgb[:, background > 0].min(1) - rgb[:, background == 0].max(1)


def background_texels(picture: np.ndarray) -> int:
    """Texels of a mesh of COARSE cells that have a colour of the background."""
    soft, background = on_background(picture)
    mesh = make(soft, COARSE)
    assert mesh.texture is not None
    most = tint(picture[picture[..., 3] > 0.99][:, :3], background).max()
    return int((tint(mesh.texture[..., :3].reshape(-1, 3) / 255, background) > most + TINT).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--resolution", type=int, default=144)
    parser.add_argument("--split", default="validation", choices=("train", "validation", "all"))
    arguments = parser.parse_args()
    entries = list_meshes(arguments.meshes, arguments.split)
    rows = []
    for i in np.random.default_rng(3).permutation(len(entries))[: arguments.count]:
        picture = picture_of(entries[i], int(i))
        mesh, (framed, camera) = make(picture, arguments.resolution), picture_view(picture)
        rows.append((*likeness(mesh, framed, camera), *seam(mesh, camera), background_texels(picture)))
        print(line(entries[i][0][:30], rows[-1]), flush=True)
    print(line("mean", np.mean(rows, 0)))
    print(f"{sum(row[0] >= 30 for row in rows)} of {len(rows)} reach 30 dB inside")


def line(name: str, row: tuple | np.ndarray) -> str:
    inside, white, step, far, texels = row
    return f"{name:30} inside {inside:5.2f} on white {white:5.2f} step {step:5.2f} far {far:5.2f} background {texels:g}"


if __name__ == "__main__":
    main()
