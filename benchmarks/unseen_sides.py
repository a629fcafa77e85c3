# SPDX-License-Identifier: GPL-3.0-or-later
"""How like the object the sides look that the picture does not show, for every choice of *Unseen Sides*.

Run: python -m benchmarks.unseen_sides --meshes FOLDER --count 16 [--split train] [--sheet FILE.png]

The model's colours are the LRM starter's. They are judged on its own mesh and, apart from the shape, on the true one,
where a point takes the colour of the nearest point of the starter's mesh, and the picture's true camera is known.
LPIPS (AlexNet), SSIM and PSNR at 256 pixels on white, by degrees from the picture's camera; `sides` is the mean of
eight around. "best" takes the true object's colours for what the picture does not show: no choice can be better.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import KDTree

from backend.engines import lrm
from backend.evaluation.metrics import normalise
from backend.evaluation.objects import Draw, PosedObject, from_mesh, pose_object, view_camera
from backend.evaluation.view_metrics import compare_views, draw_sides
from backend.input_view.input_view import InputView
from backend.input_view.picture_colors import PictureColors
from backend.input_view.shown_colors import ShownColors
from backend.input_view.symmetry import sample_surface
from backend.input_view.unseen_sides import unseen_colors
from backend.interface.common_parameters import UNSEEN_SIDES
from backend.interface.tasks import task
from backend.meshing.texture import Colors, decimate_for, nearest_vertex_colors
from backend.rendering.cameras import Camera, rays
from backend.rendering.mesh import Mesh
from backend.runtime.images import on_white, to_bytes
from backend.runtime.progress import Progress
from backend.training.meshes import list_meshes
from backend.training.render import Renderer

SIZE = 512  # pixels a side of the picture
SPACING = 0.003  # world units between texels, about
SAMPLES = 60_000  # points of the true surface whose colours "best" takes
OUTPUTS = ("lpips_30", "lpips_60", "lpips_90", "lpips_180", "lpips_sides", "ssim_90", "ssim_180", "psnr_90", "psnr_180")
BEST = "best"


def draw_colors(mesh: Mesh, colors: Colors) -> Draw:
    """Draws a mesh in colours of its surface points and unit normals, from the evaluation's cameras."""
    renderer = Renderer(from_mesh(mesh))
    smooth, is_closed = nearest_normals(mesh), mesh.is_closed

    def draw(azimuth: float, elevation: float, size: int) -> np.ndarray:
        camera = view_camera(azimuth, elevation, 2 * size)
        origin, direction = (x.numpy() for x in rays(camera))
        rgba, distance, normals = renderer.cast(origin, direction)
        hit = np.flatnonzero(np.isfinite(distance))
        points = origin[hit] + distance[hit, None] * direction[hit]
        rgba[hit, :3] = colors(points, smooth(points) if is_closed else normals[hit])
        blocks = rgba.reshape(size, 2, size, 2, 4).mean((1, 3))
        blocks[..., :3] /= np.maximum(blocks[..., 3:], 1e-6)
        return blocks

    return draw


def nearest_normals(mesh: Mesh):
    """Normals of a finely cut mesh, of the vertices nearest to points."""
    tree, normals = KDTree(mesh.vertices), mesh.vertex_normals
    return lambda points: normals[tree.query(points)[1]]


def true_colors(posed: PosedObject) -> Colors:
    """The object's colours under its light, at the nearest of its points that faces the same way."""
    points, normals = sample_surface(posed.truth, SAMPLES)
    rgba, _, _ = posed.renderer.cast(points + 1e-3 * normals, -normals)
    tree = KDTree(np.concatenate([points, 0.05 * normals], 1))
    return lambda p, n: rgba[tree.query(np.concatenate([p, 0.05 * n], 1))[1], :3]


def shapes(posed: PosedObject) -> dict[str, tuple[Mesh, InputView, Colors]]:
    """Mesh, input view and the model's colours, by shape; the meshes lie where the true object does."""
    picture = posed.picture(SIZE)
    parameters = task("lrm").check({})
    model, _ = lrm.load(lrm.find_weights("starter"), torch.device("cpu"))
    starter = lrm.StarterLRM(model)
    with torch.no_grad():
        prepared = starter.prepare(picture, parameters, 0)
        mesh = lrm.to_mesh(starter, starter.encode(prepared), prepared, parameters, Progress())[0]
    mesh = decimate_for(mesh, parameters)
    placed = normalise(mesh)
    scale = np.ptp(placed.vertices, axis=0).max() / np.ptp(mesh.vertices, axis=0).max()
    middle = placed.vertices.min(0) - scale * mesh.vertices.min(0)
    view = prepared.input_view
    assert view is not None
    pose = view.camera.cam_to_world.clone()
    pose[:3, 3] = pose[:3, 3] * float(scale) + torch.from_numpy(middle)
    moved = InputView(
        view.rgba, Camera(pose, view.camera.fov_deg, view.camera.width, view.camera.height), view.detailed
    )
    true_view = InputView(torch.from_numpy(picture), view_camera(0, posed.elevation, SIZE))
    colors = nearest_vertex_colors(placed)
    return {"own shape": (placed, moved, colors), "true shape": (posed.truth, true_view, colors)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshes", type=Path, required=True)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--start", type=int, default=0, help="objects of the random order to pass over")
    parser.add_argument("--split", choices=("train", "validation"), default="validation")
    parser.add_argument("--sheet", type=Path, help="picture of the true object and every choice at 45, 90, 180, 270")
    options = parser.parse_args()
    entries = list_meshes(options.meshes, options.split)
    order = np.random.default_rng(3).permutation(len(entries))[options.start : options.start + options.count]
    scores, seconds, rows = {}, {}, []
    for index in order:
        posed = pose_object(entries[index], int(index))
        truth = draw_sides(posed.draw, posed.elevation)
        for shape, (mesh, view, own) in shapes(posed).items():
            shown = ShownColors(mesh, view)
            row = [posed.picture(256), *(truth[a] for a in (45, 90, 180, 270))]
            for choice in (*UNSEEN_SIDES, BEST):
                start = time.process_time()
                base = true_colors(posed) if choice == BEST else unseen_colors(mesh, shown, own, choice)
                seconds.setdefault((shape, choice), []).append(time.process_time() - start)
                colors = PictureColors(mesh, shown, base).on_surface(SPACING)
                images = draw_sides(draw_colors(mesh, colors), posed.elevation)
                scores.setdefault((shape, choice), []).append(compare_views(images, truth))
                row += [images[a] for a in (45, 90, 180, 270)]
            rows.append(np.concatenate([on_white(row[0]), *row[1:]], 1))
        print(entries[index][0], flush=True)
    print(f"{len(order)} objects; LPIPS in brackets beside the model's", *OUTPUTS, sep="  ")
    for (shape, choice), each in scores.items():
        mean = {k: float(np.mean([s[k] for s in each])) for k in OUTPUTS if k in each[0]}
        model = {k: float(np.mean([s[k] for s in scores[shape, "model"]])) for k in mean}
        cells = (f"{v:.3f} ({v / model[k] - 1:+.0%})" if "lpips" in k else f"{v:.3f}" for k, v in mean.items())
        print(f"{shape}, {choice:9} {np.mean(seconds[shape, choice]):.2f} s ", *cells, sep="  ")
    if options.sheet:
        from PIL import Image

        Image.fromarray(to_bytes(np.concatenate(rows))).save(options.sheet)


if __name__ == "__main__":
    main()
