# SPDX-License-Identifier: GPL-3.0-or-later
"""Solvers, batches and the short cut in attention, against closed forms and slow references."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor

from backend.diffusion.sampling import FAST, PAPER, Sampling, choose_sampling, plan, published_timesteps
from backend.runtime import batches
from backend.runtime.batches import Batches
from backend.runtime.single_token_attention import use_single_token

CPU = torch.device("cpu")
ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
MEAN, DEVIATION = 0.7, 0.4


@pytest.mark.parametrize(
    ("steps", "skip", "count", "first", "last"),
    [
        (50, True, 49, 961, 1),
        (75, True, 76, 976, 1),
        (10, True, 9, 801, 1),
        (50, False, 50, 981, 1),
        (1, True, 1, 1, 1),
        (27, False, 28, 999, 1),
        (100, True, 99, 981, 1),
    ],
)
def test_timesteps_equal_the_published_ones(steps, skip, count, first, last):
    timesteps = published_timesteps(Sampling("ddim", steps, 3.0, skip_largest_timestep=skip))
    assert (len(timesteps), timesteps[0], timesteps[-1]) == (count, first, last)
    assert (np.diff(timesteps) < 0).all()


def test_a_step_with_noise_equals_ddims_formula():
    """Song et al. 2021, equation 12, with eta 1 between two of the 76 timesteps of 75."""
    scheduler = plan("epsilon", PAPER, CPU)
    timestep = int(scheduler.timesteps[3])
    assert int(scheduler.timesteps[4]) == timestep - 13
    sample, noise = torch.randn(2, 4, 8, 8).unbind()
    after = scheduler.step(
        noise[None], timestep, sample[None], eta=1.0, generator=torch.Generator().manual_seed(3)
    ).prev_sample[0]
    fresh = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))[0]
    a, before = ALPHAS[timestep], ALPHAS[timestep - 13]
    sigma = np.sqrt((1 - before) / (1 - a) * (1 - a / before))
    clean = (sample - np.sqrt(1 - a) * noise) / np.sqrt(a)
    expected = np.sqrt(before) * clean + np.sqrt(1 - before - sigma**2) * noise + sigma * fresh
    torch.testing.assert_close(after, expected.float(), atol=1e-5, rtol=1e-5)


def solve(sampling: Sampling) -> float:
    """Relative error of a solver for data that are normal, whose noise is known and whose path has a closed form."""
    scheduler = plan("epsilon", sampling, CPU)
    latents = noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for t in scheduler.timesteps:
        a = ALPHAS[int(t)]
        output = np.sqrt(1 - a) * (latents - np.sqrt(a) * MEAN) / (a * DEVIATION**2 + 1 - a)
        latents = scheduler.step(output, t, latents).prev_sample
    a = ALPHAS[999]
    exact = MEAN + DEVIATION * (noise - np.sqrt(a) * MEAN) / np.sqrt(a * DEVIATION**2 + 1 - a)
    return ((latents - exact).norm() / exact.norm()).item()


def test_the_fast_solver_is_nearer_the_exact_path_in_20_steps_than_ddim_in_75():
    fast, slow = solve(FAST), solve(Sampling("ddim", 75, 3.0))
    assert fast < 0.01
    assert fast < slow


def test_default_sampling_depends_on_the_weights():
    assert choose_sampling(is_starter=False) == FAST
    assert choose_sampling(is_starter=False, quality="paper") == Sampling("ddim", 75, 3.0, 1.0, True)
    assert choose_sampling(False, "paper").second_stage().steps == 50
    assert choose_sampling(True, "paper") == choose_sampling(True) == Sampling("ddim", 1, 1.0)
    assert choose_sampling(True).second_stage().steps == 1
    told = choose_sampling(False, "fast", steps=8, guidance_scale=5.0)
    assert (told.steps, told.guidance_scale, told.solver) == (8, 5.0, FAST.solver)


class Network:
    """Needs a known amount of memory for each item, and fails beyond a number of items."""

    def __init__(self, most: int = 1000, error: Callable[[], Exception] = MemoryError) -> None:
        self.most, self.error, self.sizes = most, error, []

    def __call__(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        if len(x) > self.most:
            raise self.error()
        wide = x.repeat(1, 10)  # 4000 bytes an item for 100 numbers
        return (wide * 2).view(len(x), 10, -1).sum(1)  # and 4000 more at the same time


def test_batches_fill_the_share_of_the_free_memory(monkeypatch):
    monkeypatch.setattr(batches, "free_bytes", lambda device: 60_000)
    network, runner = Network(), Batches()
    x = torch.randn(10, 100)
    torch.testing.assert_close(runner.run(network, x), 20 * x)
    (taken,) = runner.item_bytes.values()
    assert 8000 <= taken < 9000
    assert network.sizes == [1, 3, 3, 3, 1]  # one to measure
    assert torch.equal(runner.run(network, x), runner.run(network, x))
    assert network.sizes[5:9] == [3, 3, 3, 1]
    alone, runner = Network(), Batches()
    torch.testing.assert_close(runner.run(alone, x[:1]), 20 * x[:1])
    assert alone.sizes == [1]  # there is nothing to choose, so nothing to measure


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "DefaultCPUAllocator: can't allocate memory: you tried",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "Invalid buffer size: 9.54 GB",
        "MPS backend out of memory",
    ],
)
def test_running_out_of_memory_halves_the_batch(text):
    network, x = Network(3, lambda: RuntimeError(text)), torch.randn(10, 100)
    torch.testing.assert_close(Batches().run(network, x), 20 * x)
    assert network.sizes == [1, 10, 5, 2, 2, 2, 2, 2]


def test_an_item_too_large_for_memory_and_other_errors_are_raised():
    with pytest.raises(MemoryError):
        Batches().run(Network(0), torch.randn(4, 100))
    network = Network(2, lambda: RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape"):
        Batches().run(network, torch.randn(4, 100))
    assert network.sizes == [1, 4]


def test_attention_to_one_token_needs_no_scores():
    torch.manual_seed(0)
    unet = (
        UNet2DConditionModel(
            sample_size=8,
            in_channels=8,
            out_channels=4,
            block_out_channels=(16, 16),
            cross_attention_dim=12,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            attention_head_dim=2,
            norm_num_groups=4,
        )
        .eval()
        .requires_grad_(False)
    )
    x, t, token = torch.randn(3, 8, 8, 8), torch.tensor([1, 500, 999]), torch.randn(3, 1, 12)
    unet.set_attn_processor(AttnProcessor())
    plain = unet(x, t, token).sample
    use_single_token(unet)
    torch.testing.assert_close(unet(x, t, token).sample, plain, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="one token"):
        unet(x, t, torch.randn(3, 2, 12))


def test_processing_one_by_one_has_the_same_gradient_and_keeps_one_image():
    network = torch.nn.Sequential(
        *(torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.Tanh()) for _ in range(4))
    ).double()
    pictures = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pull = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    network.requires_grad_(False)
    kept, gradients = [], []
    for run in (network, lambda images: batches.one_by_one(network, images)):
        leaf, stored = pictures.clone().requires_grad_(), {}

        def keep(tensor: Tensor, stored: dict[int, int] = stored) -> Tensor:
            stored[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            seen = run(leaf)
        gradients.append(torch.autograd.grad(seen, leaf, pull)[0])
        kept.append(sum(stored.values()))
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-14, rtol=0)
    assert kept[1] < 0.5 * kept[0]
    with torch.no_grad():
        assert torch.equal(batches.one_by_one(network, pictures), network(pictures))
