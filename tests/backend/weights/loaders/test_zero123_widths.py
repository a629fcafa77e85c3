# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero123 in widths that no stored numbers exist for, against networks written once more on the published names."""

import math

import pytest
import torch
from torch import Tensor

from backend.diffusion.clip_similarity import CLIP_MEAN, CLIP_STD
from backend.diffusion.zero123 import Condition
from backend.runtime import winograd
from backend.runtime.winograd import convolve
from backend.weights.loaders.zero123 import load_zero123
from tests.support.zero123_reference import Autoencoder, ImageEncoder, Unet, difference
from tests.support.zero123_rule import SPEC, outputs, rule, state_dict

NETWORK, PROJECTION = "cond_stage_model.model.visual.", "cc_projection."


def reference(state: dict[str, Tensor]) -> tuple[Unet, Autoencoder, ImageEncoder]:
    """The average is kept under names without dots."""
    return (
        Unet(lambda name: state.get("model_ema.diffusion_model" + name.replace(".", "")), 1e-5),
        Autoencoder(lambda name: state.get("first_stage_model." + name), 1e-6),
        ImageEncoder(lambda name: state.get(NETWORK + name), 1e-5),
    )


def twice_as_wide(seed: int) -> dict[str, Tensor]:
    """By the same rule with another seed: all channels doubled, so two heads in CLIP; and a third layer there."""
    state: dict[str, Tensor] = {}
    fixed = {768, 772, 257, 14}  # the token, the token and the pose, patches and the class, a patch
    for key, shape in SPEC["tensors"]:
        kept = fixed if key.startswith(("cond", "cc", "model_ema")) or "attn2" in key else set()
        wider = [size * 2 if size > 16 and size not in kept else size for size in shape]
        if key.startswith(PROJECTION):
            wider = shape
        state[key] = rule(key, wider, seed)
        if "resblocks.1." in key:
            third = key.replace("resblocks.1.", "resblocks.2.")
            state[third] = rule(third, wider, seed)
    return state


def test_the_reference_gives_the_stored_numbers():
    unet, vae, _ = reference(state_dict())
    known = outputs()
    noisy = torch.cat([known["noise"], known["concat_latent"]], 1)
    assert difference(unet(noisy, known["t"], known["context"]), known["eps_at_t"]) < 1e-5
    assert difference(vae.encode(known["image"] * 2 - 1), known["concat_latent"]) < 1e-5


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    state = twice_as_wide(11)
    path = tmp_path_factory.mktemp("wide") / "weights"
    torch.save({"state_dict": state, "global_step": 1}, path)
    return reference(state), state, load_zero123(path, torch.device("cpu"), torch.float32)


@torch.no_grad()
def test_networks_of_twice_the_width_equal_the_reference(wide):
    (unet, vae, clip), state, model = wide
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, 224, 224, generator=generator) * 2 - 1
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    embedding = clip(((image + 1) / 2 - mean) / std)
    assert difference(model.embed(image), embedding) < 5e-5
    small = image[..., :64, :64]
    latent = vae.encode(small)
    assert difference(model.vae.encode(small).latent_dist.mode(), latent) < 5e-5
    assert difference(model.vae.decode(latent).sample, vae.decode(latent)) < 5e-5
    pose = model.pose(torch.tensor([40.0]), torch.tensor([-25.0]), 10.0, 0.2)
    turn = math.radians(40)
    told = torch.tensor([[math.radians(25), math.sin(turn), math.cos(turn), 0.2]])
    token = torch.cat([embedding, told], 1) @ state[PROJECTION + "weight"].T + state[PROJECTION + "bias"]
    assert difference(model.context(Condition(embedding, latent), pose), token[:, None]) < 5e-5
    noisy, t = torch.randn(1, 4, 8, 8, generator=generator), torch.tensor([321])
    known = unet(torch.cat([noisy, latent], 1), t, token[:, None])
    assert difference(model.denoise(noisy, t, Condition(embedding, latent), pose), known) < 5e-5


@torch.no_grad()
def test_large_batches_use_winograd_and_change_nothing(wide, monkeypatch):
    model, counted = wide[2], []
    monkeypatch.setattr(winograd, "convolve", lambda *inputs: counted.append(inputs) or convolve(*inputs))
    x, token = torch.randn(9, 8, 32, 32, generator=torch.Generator().manual_seed(1)), torch.ones(9, 1, 768)
    together = model.unet(x[:8], 500, token[:8]).sample
    quick = len(counted)
    alone = model.unet(x[:1], 500, token[:1]).sample
    assert quick >= 10 and len(counted) == quick  # the layers of 256 channels on 8 x 8; one image has too little there
    assert difference(together[:1], alone) < 5e-5
