# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's flow transformer and its guided sampling, against numbers of the published code."""

import torch

from backend.reconstruction.triposg.model import TripoSG
from backend.weights.loaders.triposg import load_triposg
from tests.support.triposg_checkpoints import recorded, spec, write

TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}  # outputs have a deviation of about 1


def load(folder) -> TripoSG:
    return load_triposg(write(folder / "triposg"), torch.device("cpu"), exact=True)


def test_one_evaluation_gives_the_published_numbers(tmp_path):
    numbers = recorded("dit")
    with torch.no_grad():
        found = load(tmp_path).transformer(numbers["x"], numbers["t"], numbers["cond"])
    torch.testing.assert_close(found, numbers["out"], **TOLERANCE)


def test_the_guided_run_gives_the_published_latents_after_each_step(tmp_path):
    numbers, sampler = recorded("dit"), spec("dit")["sampler"]
    steps = load(tmp_path).sample(numbers["cond"][:1], numbers["noise"], sampler["steps"], sampler["guidance_scale"])
    latents = list(steps)
    for step, name in ((1, "latents_first"), (5, "latents_5"), (sampler["steps"], "latents")):
        torch.testing.assert_close(latents[step - 1], numbers[name], **TOLERANCE)


def test_latents_are_a_set(tmp_path):
    """Other latents in another order give the same velocities in that order."""
    numbers, order = recorded("dit"), torch.randperm(40, generator=torch.Generator().manual_seed(1))
    transformer = load(tmp_path).transformer
    with torch.no_grad():
        given = transformer(numbers["x"], numbers["t"], numbers["cond"])
        shuffled = transformer(numbers["x"][:, order], numbers["t"], numbers["cond"])
    torch.testing.assert_close(shuffled, given[:, order], **TOLERANCE)


def test_weights_in_half_precision_compute_in_the_precision_of_their_input(tmp_path):
    numbers, transformer = recorded("dit"), load(tmp_path).transformer
    exact = numbers["out"]
    for stored, computed in ((torch.float16, torch.float32), (torch.bfloat16, torch.bfloat16)):
        transformer.to(stored)
        with torch.no_grad():
            found = transformer(numbers["x"].to(computed), numbers["t"], numbers["cond"].to(computed))
        assert found.dtype == computed
        error = (found.float() - exact).pow(2).mean().sqrt() / exact.std()
        assert error < (0.01 if computed == torch.float32 else 0.1)


def test_the_sizes_are_those_of_the_config(tmp_path):
    """Every one of them differs from the published one."""
    args, sizes = spec("dit")["args"], load(tmp_path).transformer.sizes
    assert (sizes.latent, sizes.width, sizes.depth) == (args["in_channels"], args["width"], args["num_layers"])
    assert (sizes.heads, sizes.context) == (args["num_attention_heads"], args["cross_attention_dim"])
