# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
# pyright: reportOptionalMemberAccess=false, reportOptionalCall=false
"""Multi-view DreamBooth (MVDream, section 3.4): a multi-view model learns a subject from a few photos in its 2D mode.
A loss on the drift of its parameters preserves what it knows about views."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parametrize

from ..diffusion.mvdream import VIEWS, MultiView, place_cameras
from ..diffusion.subject import DOWN, UP, LowRank, Subject, adapt, add_word, drift
from ..interface.errors import ImageError
from ..interface.tasks import DreamBoothParameters
from ..preprocess.background import remove_background
from ..preprocess.framing import fit_into, frame
from ..runtime.devices import choose_device
from ..runtime.images import on_white, to_opaque_bytes
from ..runtime.progress import Progress
from ..weights.loaders.mvdream import check_multi_view, load_multi_view
from ..weights.loaders.subjects import check_new, keep_subject
from . import ImageResult, Request

MIN_PHOTOS, MAX_PHOTOS = 1, 32
OBJECT_SHARE = 0.75  # of the side of the starter's images that the object fills, as in its training views


@dataclass(frozen=True)
class Recipe:
    """Settings of the training."""

    steps: int = 600
    batch: int = 4
    rate: float = 2e-6  # learning rate
    rank: int = 0  # of the LoRA matrices; 0 trains all parameters
    preservation: float = 1.0  # weight of the parameters' drift
    weight_decay: float = 0.01
    template: str = "a photo of a {}"  # prompt of every photo


PUBLISHED = Recipe()
LOW_RANK = replace(PUBLISHED, rate=1e-4, rank=16)
STARTER = Recipe(steps=200, rate=1e-4, preservation=1000.0, template="a {}")
STARTER_LOW_RANK = replace(STARTER, rate=2e-3, rank=8)


def run(request: Request[DreamBoothParameters], progress: Progress) -> ImageResult:
    """Photos float32 RGBA (H, W, 4) in inputs["photos"] -> the subject's file, named in the facts, and views of it."""
    parameters = request.parameters
    name, photos = f"<{parameters.subject}>", request.inputs.get("photos") or []
    if not MIN_PHOTOS <= len(photos) <= MAX_PHOTOS:
        wrong = "There are no photos." if not photos else f"Too many photos ({len(photos)})."
        raise ImageError(wrong, "Choose 3 to 6 photos of one object.")
    file = check_new(name)
    progress.plan({"Loading weights": 2, "Learning": 100})
    progress.update("Loading weights", 0, 1)
    check_multi_view(parameters.weights)
    device = choose_device(parameters.device)
    dtype = torch.bfloat16 if device.type == "cuda" and parameters.method == "lora" else torch.float32
    model = load_multi_view(parameters.weights, device, dtype)
    model.text_encoder.float()
    progress.remarks += model.unused_words(parameters.kind)
    recipe = choose_recipe(model, parameters)
    images = prepare(photos, model, parameters.remove_background).to(device)
    subject = learn(model, images, name, parameters.kind, recipe, progress, request.seed)
    kept, warning = keep_subject(subject, file, parameters.weights, progress.folder)
    facts = {"subject": name, "file": str(kept), "photos": len(photos), "steps": recipe.steps}
    facts |= {"warning": warning} if warning else {}
    return ImageResult(render_views(model, name, recipe), facts)


def choose_recipe(model: MultiView, parameters: DreamBoothParameters) -> Recipe:
    """Settings that suit the model and the method, changed as the user wants."""
    is_low_rank = parameters.method == "lora"
    if model.is_starter:
        recipe = STARTER_LOW_RANK if is_low_rank else STARTER
    else:
        recipe = LOW_RANK if is_low_rank else PUBLISHED
    preservation = recipe.preservation if parameters.preservation < 0 else parameters.preservation
    return replace(recipe, steps=parameters.steps or recipe.steps, preservation=preservation)


def prepare(photos: list[np.ndarray], model: MultiView, remove: str) -> Tensor:
    """Photos as squares (N, 3, S, S) in 0..1: cut out and framed on white for the starter, which knows nothing else."""
    squares, size = [], model.image_size
    for photo in photos:
        if model.is_starter or photo[..., 3].min() < 1:
            squares.append(on_white(frame(remove_background(photo, remove).image, size, OBJECT_SHARE)[0]))
        else:
            side = min(photo.shape[:2])
            top, left = ((length - side) // 2 for length in photo.shape[:2])
            squares.append(on_white(fit_into(photo[top : top + side, left : left + side], size)))
    images = [torch.from_numpy(square).permute(2, 0, 1)[None].float() for square in squares]
    return torch.cat([F.interpolate(i, (size, size), mode="bilinear", align_corners=False) for i in images])


def learn(
    model: MultiView, images: Tensor, name: str, kind: str, recipe: Recipe, progress: Progress, seed: int = 0
) -> Subject:
    """Images (N, 3, S, S) in 0..1 -> the subject, which the model knows from then on. Raises Cancelled.

    The loss is the network's own on noisy images, plus recipe.preservation x the parameters' mean absolute change.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        latents = model.encode(images)
    number = add_word(model, name, kind=kind)
    words = model.text_encoder.get_input_embeddings().weight.requires_grad_(True)
    is_new = torch.zeros(len(words), 1, device=words.device)
    is_new[number] = 1
    handle = words.register_hook(lambda gradient: gradient * is_new)  # the other words stay as they are
    tokens = tokenize(model, recipe.template.format(name))
    trained = TrainedUNet(model, recipe.rank, seed)
    optimiser = torch.optim.AdamW(
        [{"params": trained.parameters, "weight_decay": recipe.weight_decay}, {"params": [words], "weight_decay": 0.0}],
        lr=recipe.rate,
    )
    if not model.is_starter:
        model.unet.enable_gradient_checkpointing()
    try:
        for step in range(recipe.steps):
            progress.update("Learning", step, recipe.steps)
            loss = denoising_loss(model, latents, tokens, recipe.batch, generator)
            loss = loss + recipe.preservation * drift(trained.changes())
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


def tokenize(model: MultiView, prompt: str) -> Tensor:
    """Token ids (1, L) of a prompt."""
    length = min(model.tokenizer.model_max_length, model.text_encoder.config.max_position_embeddings)
    tokens = model.tokenizer([prompt], padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    return tokens.input_ids.to(model.text_encoder.device)


def denoising_loss(model: MultiView, latents: Tensor, tokens: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    """The network's loss on `batch` random latents of (N, C, h, w) at random timesteps, in its 2D mode."""
    device = latents.device
    clean = latents[torch.randint(len(latents), (batch,), generator=generator).to(device)]
    noise = torch.randn(clean.shape, generator=generator).to(device)
    t = torch.randint(len(model.alphas_cumprod), (batch,), generator=generator).to(device)
    embeddings = model.text_encoder(tokens).last_hidden_state.expand(batch, -1, -1)
    output = model(model.scheduler.add_noise(clean, noise, t), t, embeddings)
    is_velocity = model.scheduler.config.prediction_type == "v_prediction"
    return F.mse_loss(output, model.scheduler.get_velocity(clean, noise, t) if is_velocity else noise)


class TrainedUNet:
    """The trained parameters of a UNet: all of them, or low-rank matrices beside its attention."""

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
        """Changes of all parameters that are trained, differentiable."""
        if self.added:
            return [part.change() for part in self.added.values()]
        return [p - self.start[name] for name, p in self.unet.named_parameters()]

    @torch.no_grad()
    def result(self) -> dict[str, Tensor]:
        """The changes as Subject stores them. The UNet keeps them, and loses the added modules."""
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


def render_views(model: MultiView, name: str, recipe: Recipe) -> np.ndarray:
    """Four views of the subject, uint8 (4, S, S, 4)."""
    cameras, prompt = place_cameras(model, VIEWS, 15.0), recipe.template.format(name)
    steps, scale = (30, 3.0) if model.is_starter else (50, 7.5)
    return to_opaque_bytes(model.sample_views(prompt, "", cameras, steps, scale, torch.Generator().manual_seed(0)))
