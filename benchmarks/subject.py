# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-view DreamBooth on rendered photos of one mesh that the starter never saw: is <subject> closer to it than its
kind was, and do other prompts' views move less than without the preservation of parameters?

python -m benchmarks.subject --output build/subject.json
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer

from backend.diffusion.mvdream import MultiView
from backend.engines.dreambooth import STARTER, STARTER_LOW_RANK, learn
from backend.evaluation.benchmark import Meshes
from backend.rendering.cameras import Camera, orbit
from backend.runtime.progress import Progress
from backend.training.meshes import DEMO_MESHES
from backend.training.render import FOV_DEG, RADIUS
from backend.training.text_to_image import main_color, noun, read_names
from backend.training.views import PLAIN, SIZE, Views, open_views, render_views
from backend.weights.loaders.mvdream import load_multi_view

OTHERS = ("a red car", "a green tree", "a blue chair")


def main(
    meshes: Meshes = DEMO_MESHES,
    views: Annotated[
        Path | None, typer.Option(help="Views of them that `train views` rendered; without, they are rendered first.")
    ] = None,
    kind: Annotated[str, typer.Option(help="Of the mesh.")] = "potion",
    photos: Annotated[int, typer.Option(help="How many the model learns from.")] = 5,
    steps: Annotated[int, typer.Option(help="Learning steps; 0 takes the recipe's.")] = 0,
    output: Annotated[Path, typer.Option(help="Where the figures go.")] = Path("build/subject.json"),
) -> None:
    """Print the figures of plain fine-tuning and of preservation, in full and with matrices of low rank."""
    torch.set_num_threads(1)
    if views is None:
        views = output.parent / "views"
        render_views(meshes, views, iter)
    rendered, names = open_views(views), read_names(meshes)
    held_out = rendered.select(validation=True)
    index = next(i for i in held_out if noun(str(names.get(rendered.names[i], rendered.names[i]))) == kind)
    rows = []
    for title, course in (
        ("full, plain", replace(STARTER, preservation=0.0)), ("full, preserved", STARTER),
        ("LoRA, plain", replace(STARTER_LOW_RANK, preservation=0.0)), ("LoRA, preserved", STARTER_LOW_RANK),
    ):  # fmt: skip
        course = replace(course, steps=steps or course.steps)
        rows.append({"tuning": title} | measure(rendered, index, kind, photos, course))
        print(rows[-1], flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(rows, indent=1))


def measure(rendered: Views, index: int, kind: str, photos: int, course) -> dict[str, float]:
    model = load_multi_view("starter-text", torch.device("cpu"), torch.float32)
    images = torch.from_numpy(np.array(rendered.images[index, PLAIN])).permute(0, 3, 1, 2).float() / 255
    poses = rendered.poses[index, PLAIN]
    cameras = [Camera(orbit(float(a), float(e), RADIUS), FOV_DEG, SIZE, SIZE) for a, e, _ in poses[::3]]
    truth, seen = images[::3], [i for i in range(len(images)) if i % 3][:photos]  # photos from other places
    color = main_color(np.array(rendered.images[index, PLAIN]))
    said = f"a {color} {kind}"
    before = sample(model, said, cameras)
    others = [sample(model, prompt, cameras) for prompt in OTHERS]
    subject = learn(model, images[seen], "<subject>", said.removeprefix("a "), course, Progress())
    after = sample(model, "a <subject>", cameras)
    moved = [float((a - sample(model, p, cameras)).abs().mean()) for a, p in zip(others, OTHERS, strict=True)]
    size = sum(change.numel() * 2 for change in subject.changes.values())
    return {
        "PSNR before": psnr(before, truth), "PSNR after": psnr(after, truth),
        "distance before": distance(model, before, truth), "distance after": distance(model, after, truth),
        "others moved": float(np.mean(moved)), "file_mb": size / 1e6,
    }  # fmt: skip


def sample(model: MultiView, prompt: str, cameras: list[Camera]) -> torch.Tensor:
    """Four views with one seed for all prompts and models."""
    return model.sample_views(prompt, "", cameras, 12, 3.0, torch.Generator().manual_seed(1))


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10(((a - b) ** 2).mean((1, 2, 3))).mean())


def distance(model: MultiView, a: torch.Tensor, b: torch.Tensor) -> float:
    """1 - cosine of the auto-encoder's latents, view by view, both from white: what little there is to see without
    CLIP."""
    with torch.no_grad():
        white = model.encode(torch.ones_like(a[:1]))
        x, y = (model.encode(v) - white for v in (a, b))
    return float(1 - F.cosine_similarity(x.flatten(1), y.flatten(1)).mean())


if __name__ == "__main__":
    typer.run(main)
