# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""MVDream's files in every published layout, against the published network's numbers (data/mvdream.npz), and against
networks written once more where there are none.
"""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from backend.diffusion.mvdream import MultiView
from backend.diffusion.sampling import make_scheduler
from backend.interface.catalog import WeightsError
from backend.weights.formats.fill import fill
from backend.weights.formats.names import swap
from backend.weights.loaders.mvdream import check, check_multi_view, empty_network, load_multi_view, open_parts, origins
from tests.support import DATA
from tests.support.checkpoints import MVDREAM, MVDREAM_OTHER, TOKENS, mvdream_checkpoint, write_clip_words
from tests.support.zero123_reference import Reference, Unet, difference
from tests.support.zero123_rule import rule

CPU = torch.device("cpu")


def outputs():
    file = Path(MVDREAM_OTHER) / "outputs.npz" if MVDREAM_OTHER else DATA / "mvdream.npz"
    with np.load(file, allow_pickle=False) as stored:
        return {key: torch.from_numpy(stored[key]) for key in stored}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mvdream")
    torch.save(mvdream_checkpoint(), folder / "sd-v2.1-base-4view.pt")
    write_clip_words(folder)
    return folder / "sd-v2.1-base-4view.pt"


@pytest.fixture(scope="module")
def model(original):
    return load_multi_view(str(original), CPU, torch.float32)


def test_both_modes_give_the_published_numbers(model):
    known = outputs()
    sets = known["camera"].view(-1, 4, 16)
    inputs = known["latents"], known["t"], known["context"]
    assert difference(model.predict(*inputs, sets), known["eps_4_views"]) < 1e-5
    assert difference(model.predict(*inputs), known["eps_2d_mode"]) < 1e-5


def test_the_text_encoder_is_open_clips_last_but_one_layer(model):
    """Written once more: causal, exact GELU, padded with zeros, the last block skipped, then the final norm."""
    state = mvdream_checkpoint()
    tower = Reference(lambda name: state.get("cond_stage_model.model." + name), 1e-5)
    words = model.tokenizer.get_vocab()
    tokens = [words["<|startoftext|>"], words["c</w>"], words["b</w>"], words["<|endoftext|>"]]
    tokens += [0] * (TOKENS - len(tokens))
    prefix = "cond_stage_model.model."
    embedding, positions = state[prefix + "token_embedding.weight"], state[prefix + "positional_embedding"]
    x, mask = embedding[tokens][None] + positions, torch.full((TOKENS, TOKENS), -math.inf).triu(1)
    for i in range(2):
        name = f"transformer.resblocks.{i}"
        weight, bias = (state[f"{prefix}{name}.attn.in_proj_{kind}"] for kind in ("weight", "bias"))
        q, k, v = F.linear(tower.layer_norm(f"{name}.ln_1", x), weight, bias).chunk(3, -1)
        heads = [
            (a @ b.transpose(1, 2) / 8 + mask).softmax(-1) @ c
            for a, b, c in zip(*(y.split(64, -1) for y in (q, k, v)), strict=True)
        ]
        x = x + tower.linear(f"{name}.attn.out_proj", torch.cat(heads, -1))
        h = F.gelu(tower.linear(f"{name}.mlp.c_fc", tower.layer_norm(f"{name}.ln_2", x)))
        x = x + tower.linear(f"{name}.mlp.c_proj", h)
    assert difference(model.embed(["c b"]), tower.layer_norm("ln_final", x)) < 1e-5


def save_diffusers(model, folder):
    for name in ("unet", "vae", "text_encoder", "scheduler"):
        getattr(model, name).save_pretrained(folder / name)
    write_clip_words(folder / "tokenizer")
    (folder / "tokenizer/tokenizer_config.json").write_text(
        json.dumps({"pad_token": "!", "model_max_length": TOKENS, "tokenizer_class": "CLIPTokenizer"})
    )


def save_ashawkey(model, folder):
    """The authors' names without their prefix, and the config of a class that does not exist here."""
    save_diffusers(model, folder)
    shutil.rmtree(folder / "unet")
    (folder / "unet").mkdir()
    prefix = "model.diffusion_model."
    unet = {key.removeprefix(prefix): value for key, value in mvdream_checkpoint().items() if key.startswith(prefix)}
    save_file(unet, folder / "unet/diffusion_pytorch_model.safetensors")
    config = {"image_size": 32, "model_channels": 32, "num_head_channels": 32, "camera_dim": 16, "ip_dim": 0}
    (folder / "unet/config.json").write_text(json.dumps(config))


def save_apart(model, folder):
    """The cameras' network in a folder of its own, pickled, under names of its own."""
    save_diffusers(model, folder)
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    state = load_file(file)
    camera = {key: state.pop(key) for key in list(state) if key.startswith("class_embedding.")}
    save_file(state, file)
    config = json.loads((folder / "unet/config.json").read_text())
    (folder / "unet/config.json").write_text(json.dumps(config | {"projection_class_embeddings_input_dim": None}))
    (folder / "camera_proj").mkdir()
    layers = {"class_embedding.linear_1": "net.0", "class_embedding.linear_2": "net.2"}
    torch.save(
        {swap(key, layers): value for key, value in camera.items()}, folder / "camera_proj/diffusion_pytorch_model.bin"
    )


@pytest.mark.parametrize("save", [save_diffusers, save_ashawkey, save_apart])
def test_every_layout_holds_the_same_model(save, model, tmp_path):
    save(model, tmp_path)
    check_multi_view(str(tmp_path))
    other = load_multi_view(str(tmp_path), CPU, torch.float32)
    for name in ("unet", "vae", "text_encoder"):
        ours, theirs = getattr(model, name).state_dict(), getattr(other, name).state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert difference(other.embed(["c b"]), model.embed(["c b"])) < 1e-6
    for unet in (model.unet, other.unet):
        assert tuple(unet.config.attention_head_dim) == (1, 2, 4, 4)


class JointUnet(Unet):
    """The reference with MVDream's changes: heads of Stable Diffusion 1, cameras, attention over sets of `views`."""

    views, camera = 1, torch.zeros(0)

    def attention(self, name, x, context):
        if name.endswith("attn1"):
            joined = x.reshape(len(x) // self.views, -1, x.shape[-1])
            return super().attention(name, joined, joined).reshape(x.shape)
        return super().attention(name, x, context)

    def linear(self, name, x):
        y = super().linear(name, x)
        if name == "time_embed.2":
            y = y + super().linear("camera_embed.2", F.silu(super().linear("camera_embed.0", self.camera)))
        return y


def test_the_first_generation_in_other_widths(tmp_path):
    """Stable Diffusion 1.5's base: eight heads, 1x1 convolutions around attention; twice as wide, other cameras."""
    prefix, state = "model.diffusion_model.", {}
    for key, shape in MVDREAM["tensors"]:
        wide = [2 * n if n >= 32 else n for n in shape]
        if "attn2.to_k" in key or "attn2.to_v" in key:  # the text is as wide as it was
            wide = [2 * shape[0], shape[1]]
        state[key] = rule(key, [*wide, 1, 1] if "proj_in.w" in key or "proj_out.w" in key else wide, 5)
    views = 3
    torch.save(state, tmp_path / "sd-v1.5-4view.pt")
    names = open_parts(tmp_path)["unet"]
    unet = empty_network(tmp_path, "unet", names)
    check(tmp_path, unet, names)
    fill(unet, names.tensors, tmp_path, "", origins=origins(unet, names))
    assert not unet.config.use_linear_projection and unet.config.attention_head_dim == 8
    generator = torch.Generator().manual_seed(1)
    noisy, context = torch.randn(views, 4, 8, 8, generator=generator), torch.randn(views, 5, 128, generator=generator)
    camera, t = torch.randn(views, 16, generator=generator), torch.full((views,), 700)
    reference = JointUnet(lambda name: state.get(prefix + name), 1e-5)
    reference.views, reference.camera = views, camera
    found = MultiView(unet, None, None, None, make_scheduler("epsilon")).predict(noisy, t, context, camera[None])
    assert difference(found, reference(noisy, t, context)) < 1e-4


def change(state, words):
    """One fault, named by what the message must say."""
    prefix = "model.diffusion_model."
    if words == "camera_embed.0.weight is missing":
        return {k: v for k, v in state.items() if "camera_embed" not in k}
    if words == "image_embed.weight is unknown":
        return state | {prefix + "image_embed.weight": torch.ones(2)}
    if words == "out.2.bias is \\[5\\], not \\[4\\]":
        return state | {prefix + "out.2.bias": torch.ones(5)}
    if words == "not numbers":
        return state | {prefix + "out.2.bias": torch.full((4,), math.nan)}
    return {k: v for k, v in state.items() if not k.startswith("cond_stage")}


@pytest.mark.parametrize(
    "words",
    [
        "camera_embed.0.weight is missing",
        "image_embed.weight is unknown",
        "out.2.bias is \\[5\\], not \\[4\\]",
        "not numbers",
        "token_embedding.weight is missing",
    ],
)
def test_files_that_do_not_fit_are_refused_with_a_reason(words, tmp_path):
    torch.save(change(mvdream_checkpoint(), words), tmp_path / "mvdream.pt")
    write_clip_words(tmp_path)
    with pytest.raises(WeightsError, match=words) as caught:
        load_multi_view(str(tmp_path / "mvdream.pt"), CPU, torch.float32)
    assert caught.value.remedy


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harm",)


def test_code_in_a_file_never_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(mvdream_checkpoint() | {"more": Harm()}, tmp_path / "mvdream.pt")
    with pytest.raises(WeightsError, match="not done"):
        load_multi_view(str(tmp_path / "mvdream.pt"), CPU, torch.float32)
    assert not (tmp_path / "harm").exists()


def test_a_missing_vocabulary_can_be_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGE_TO_MESH_WEIGHTS", str(tmp_path / "none"))
    torch.save(mvdream_checkpoint(), tmp_path / "mvdream.pt")
    with pytest.raises(WeightsError, match=r"vocab\.json") as caught:
        load_multi_view(str(tmp_path / "mvdream.pt"), CPU, torch.float32)
    assert "clip-words" in caught.value.remedy
