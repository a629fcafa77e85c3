# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportOptionalMemberAccess=false, reportOptionalCall=false
"""Multi-view DreamBooth (MVDream, section 3.4): a multi-view model learns a subject from a few photos, one by one in
its 2D mode, and keeps what it knows of views because its parameters must not drift."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from ..diffusion.mvdream import VIEWS, MultiView
from ..diffusion.subject import DOWN, UP, LowRank, Subject, adapt, add_word, drift
from ..interface.errors import ImageError
from ..preprocess.background import remove_background
from ..preprocess.framing import fit_into, frame
from ..rendering.mesh import Mesh
from ..runtime.devices import choose_device
from ..runtime.images import on_white
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import check_multi_view, load_multi_view
from ..weights.loaders.subjects import check_new, save_subject
from . import Request, Result
from .views_from_text import lay_cameras

FEWEST, MOST = 1, 32  # photos
SMALL = 128  # pixels
SHARE = 0.75  # of a small model's picture that the object fills, as in its training views


@dataclass(frozen=True)
class Course:
    """rate: of learning. rank: of the matrices; 0 changes all parameters. preservation: weight of the drift."""

    steps: int = 600
    batch: int = 4
    rate: float = 2e-6
    rank: int = 0
    preservation: float = 1.0
    weight_decay: float = 0.01
    template: str = "a photo of a {}"


PUBLISHED = Course()
LOW_RANK = replace(PUBLISHED, rate=1e-4, rank=16)
STARTER = Course(steps=200, rate=1e-4, preservation=1000.0, template="a {}")
STARTER_LOW_RANK = replace(STARTER, rate=2e-3, rank=8)


def run(request: Request, progress: Progress) -> Result:
    """Photos float32 RGBA (H, W, 4) in inputs["photos"] -> the subject's file, named in the report, and views of it."""
    begin, parameters = time.monotonic(), request.parameters
    name, photos = f"<{parameters['subject']}>", request.inputs.get("photos") or []
    if not FEWEST <= len(photos) <= MOST:
        raise ImageError(f"{len(photos)} photos are no good: it takes 3 to 6.", "Choose photos of one object.")
    file = check_new(name)
    progress.plan({"Loading weights": 2, "Learning": 100})
    progress.update("Loading weights", 0, 1)
    check_multi_view(parameters["weights"])
    device = choose_device(parameters["device"])
    dtype = torch.bfloat16 if device.type == "cuda" and parameters["method"] == "lora" else torch.float32
    model = load_multi_view(parameters["weights"], device, dtype)
    model.text_encoder.float()
    course = choose_course(model, parameters)
    pictures = prepare(photos, model.image_size, parameters["remove_background"]).to(device)
    subject = learn(model, pictures, name, parameters["kind"], course, progress, request.seed)
    save_subject(subject, file, parameters["weights"])
    nothing = Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    facts = {"subject": name, "file": str(file), "photos": len(photos), "steps": course.steps}
    return Result(nothing, show(model, name, course), facts | {"seconds": round(time.monotonic() - begin, 1)})


def choose_course(model: MultiView, parameters: dict[str, Any]) -> Course:
    """What suits the weights and the method, and what the user wants otherwise."""
    low = parameters["method"] == "lora"
    if model.image_size < SMALL:
        chosen = STARTER_LOW_RANK if low else STARTER
    else:
        chosen = LOW_RANK if low else PUBLISHED
    held = parameters["preservation"]
    return replace(
        chosen,
        steps=parameters["steps"] or chosen.steps,
        preservation=chosen.preservation if held < 0 else held,
    )


def prepare(photos: list[np.ndarray], size: int, mode: str) -> Tensor:
    """Photos as squares (N, 3, S, S) in 0..1: cut out and framed on white for a model that knows nothing else."""
    squares = []
    for photo in photos:
        if size < SMALL or photo[..., 3].min() < 1:
            squares.append(on_white(frame(remove_background(photo, mode).image, size, SHARE)[0]))
        else:
            side = min(photo.shape[:2])
            top, left = ((length - side) // 2 for length in photo.shape[:2])
            small = fit_into(photo[top : top + side, left : left + side], size)
            squares.append(on_white(small))
    pictures = [torch.from_numpy(square).permute(2, 0, 1)[None].float() for square in squares]
    return torch.cat([F.interpolate(p, (size, size), mode="bilinear", align_corners=False) for p in pictures])


def learn(
    model: MultiView, pictures: Tensor, name: str, kind: str, course: Course, progress: Progress, seed: int = 0
) -> Subject:
    """Pictures (N, 3, S, S) in 0..1 -> the subject; the model knows it from then on. Raises Cancelled.

    The loss is the network's own on noisy pictures, plus course.preservation x the parameters' mean absolute change.
    """
    generator, device = torch.Generator().manual_seed(seed), pictures.device
    with torch.no_grad():
        latents = model.encode(pictures)
    number = add_word(model, name, kind=kind)
    words = model.text_encoder.get_input_embeddings().weight.requires_grad_(True)
    only = torch.zeros(len(words), 1, device=device)
    only[number] = 1
    handle = words.register_hook(lambda gradient: gradient * only)  # the other words stay as they are
    prompt = course.template.format(name)
    told = model.tokenizer(
        [prompt], padding="max_length", max_length=length_of(model), truncation=True, return_tensors="pt"
    ).input_ids.to(device)
    trained = Trained(model, course.rank, seed)
    optimiser = torch.optim.AdamW(
        [{"params": trained.parameters, "weight_decay": course.weight_decay}, {"params": [words], "weight_decay": 0.0}],
        lr=course.rate,
    )
    if model.image_size >= SMALL:
        model.unet.enable_gradient_checkpointing()
    try:
        for step in range(course.steps):
            progress.update("Learning", step, course.steps)
            chosen = latents[torch.randint(len(latents), (course.batch,), generator=generator).to(device)]
            noise = torch.randn(chosen.shape, generator=generator).to(device)
            t = torch.randint(len(model.alphas_cumprod), (course.batch,), generator=generator).to(device)
            embeddings = model.text_encoder(told).last_hidden_state.expand(course.batch, -1, -1)
            output = model(model.scheduler.add_noise(chosen, noise, t), t, embeddings)
            loss = F.mse_loss(output, target_of(model, chosen, noise, t))
            loss = loss + course.preservation * drift(trained.changes())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if progress.ending:
                break
    finally:
        handle.remove()
        model.unet.disable_gradient_checkpointing()
    subject = Subject(name, kind, words[number].detach().clone(), trained.result())
    model.requires_grad_(False)
    return subject


def length_of(model: MultiView) -> int:
    return min(model.tokenizer.model_max_length, model.text_encoder.config.max_position_embeddings)


def target_of(model: MultiView, clean: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """What the network should say."""
    is_velocity = model.scheduler.config.prediction_type == "v_prediction"
    return model.scheduler.get_velocity(clean, noise, t) if is_velocity else noise


class Trained:
    """What is learnt of a UNet: all of it, held against a copy, or matrices of low rank beside its attention."""

    def __init__(self, model: MultiView, rank: int, seed: int):
        self.unet = model.unet.requires_grad_(False)
        self.added: dict[str, LowRank] = {}
        self.start: dict[str, Tensor] = {}
        if rank:
            self.added = adapt(self.unet, rank, seed)
            self.parameters = [p for part in self.added.values() for p in part.parameters()]
            return
        self.start = {name: p.detach().clone() for name, p in self.unet.named_parameters()}
        self.parameters = list(self.unet.requires_grad_(True).parameters())

    def changes(self) -> list[Tensor]:
        """Of every parameter that can change, differentiable."""
        if self.added:
            return [part.change() for part in self.added.values()]
        return [p - self.start[name] for name, p in self.unet.named_parameters()]

    @torch.no_grad()
    def result(self) -> dict[str, Tensor]:
        """The changes as Subject keeps them; the UNet is an ordinary one again, with them."""
        if not self.added:
            return {name: p - self.start[name] for name, p in self.unet.named_parameters()}
        kept = {
            name + end: matrix.clone()
            for name, part in self.added.items()
            for end, matrix in ((DOWN, part.down), (UP, part.up))
        }
        for module in list(self.unet.modules()):
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
        return kept


def show(model: MultiView, name: str, course: Course) -> np.ndarray:
    """Four views of the subject, uint8 (4, S, S, 4)."""
    cameras = lay_cameras(model, VIEWS, 15.0)
    steps, scale = (30, 3.0) if model.image_size < SMALL else (50, 7.5)
    views = model.sample_views(
        course.template.format(name), "", cameras, steps, scale, torch.Generator().manual_seed(0)
    )
    opaque = torch.cat([views, torch.ones_like(views[:, :1])], 1)
    return (opaque * 255 + 0.5).byte().permute(0, 2, 3, 1).cpu().numpy()
