# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
"""Zero123 the straightforward way against ours, in one run: python -m benchmarks.zero123_speed [--width small|full]

Straightforward, as the releases do: one view at a time, the image encoded for each, two calls of the UNet for guidance,
attention by a matrix of all scores, PyTorch's convolutions. Random weights, the same noise, no fresh noise (eta 0): at
equal steps the views must be equal.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor

from backend.diffusion.sampling import FAST, Sampling, plan
from backend.diffusion.zero123 import Condition, Zero123
from backend.weights.loaders.zero123 import load_zero123
from benchmarks import random_zero123

CPU = torch.device("cpu")


@torch.no_grad()
def straightforward(model: Zero123, image: Tensor, poses: Tensor, sampling: Sampling, noise: Tensor) -> Tensor:
    """Views (N, 3, S, S) in 0..1."""
    views = []
    for pose, latent in zip(poses[:, None], noise[:, None], strict=True):
        condition = Condition(model.embed(image), model.vae.encode(image).latent_dist.mode())
        nothing = Condition(condition.embedding, torch.zeros_like(condition.latent))
        token = model.context(condition, pose)
        scheduler = plan("epsilon", sampling, CPU)
        for t in scheduler.timesteps:
            unconditional, conditional = (
                model.unet(torch.cat([latent, c.latent], 1), t[None], context).sample
                for c, context in ((nothing, torch.zeros_like(token)), (condition, token))
            )
            output = unconditional + sampling.guidance_scale * (conditional - unconditional)
            latent = scheduler.step(output, t, latent).prev_sample
        views.append((model.vae.decode(latent / 0.18215).sample / 2 + 0.5).clamp(0, 1))
    return torch.cat(views)


def do_as_released(model: Zero123) -> None:
    """Take back what makes our networks quick."""
    model.unet.set_attn_processor(AttnProcessor())
    model.to(memory_format=torch.contiguous_format)
    for layer in model.modules():
        vars(layer).pop("forward", None)


def ours(model: Zero123, image: Tensor, poses: Tensor, sampling: Sampling, noise: Tensor) -> Tensor:
    """The views by our sampler."""
    return model.decode(model.sample_latents(model.encode(image), poses, sampling, noise))


def timed(call: Callable[..., Tensor], *arguments: object) -> tuple[Tensor, float]:
    """The result and the seconds of processor time that it took: other programs' work does not count."""
    start = time.process_time()
    return call(*arguments), time.process_time() - start


def psnr(a: Tensor, b: Tensor) -> float:
    error = (a - b).square().mean().item()
    return math.inf if error == 0 else -10 * math.log10(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", choices=("small", "full"), default="small")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="of the comparison at equal steps")
    options = parser.parse_args()
    widths = random_zero123.FULL if options.width == "full" else random_zero123.SMALL
    with tempfile.TemporaryDirectory() as folder:
        print(f"{random_zero123.write(Path(folder), widths) / 1e6:.1f} million parameters, {options.views} views")
        plain, model = (load_zero123(Path(folder), CPU, torch.float32) for _ in range(2))
    do_as_released(plain)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, 256, 256, generator=generator) * 2 - 1
    noise = torch.randn(options.views, 4, 32, 32, generator=generator)
    turns = torch.arange(options.views) * 360.0 / options.views
    poses = model.pose(turns, torch.zeros_like(turns), 20.0)
    equal = Sampling("ddim", options.steps, 3.0, skip_largest_timestep=True)
    paper = Sampling("ddim", 75, 3.0, skip_largest_timestep=True)
    for call, network in ((straightforward, plain), (ours, model)):  # once for the libraries to warm up
        call(network, image, poses[:1], Sampling("ddim", 2, 3.0), noise[:1])

    slow, slow_s = timed(straightforward, plain, image, poses, equal, noise)
    fast, fast_s = timed(ours, model, image, poses, equal, noise)
    print(f"equal steps ({options.steps}): {slow_s / fast_s:.2f} times faster, PSNR {psnr(slow, fast):.1f} dB")
    few = max(1, options.views // 4)  # its time grows exactly with the views
    slow, slow_s = timed(straightforward, plain, image, poses[:few], paper, noise[:few])
    fast, fast_s = timed(ours, model, image, poses, FAST, noise)
    ratio = slow_s * options.views / few / fast_s
    print(
        f"default ({FAST.steps} steps, {FAST.solver}) against DDIM's 75: {ratio:.2f} times faster, "
        f"PSNR {psnr(slow, fast[:few]):.1f} dB (random weights are no denoiser)"
    )


if __name__ == "__main__":
    main()
