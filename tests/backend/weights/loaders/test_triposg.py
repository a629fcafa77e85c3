# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's published folder: its whole inventory, its heads in order, and everything else refused by name."""

import gzip
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from backend.interface import catalog
from backend.interface.catalog import WeightsError
from backend.reconstruction.triposg.layers import Attention
from backend.reconstruction.triposg.vae import ShapeEncoder, VAESizes
from backend.weights.loaders.triposg import (
    FLOW,
    IMAGE_ENCODER,
    VAE,
    check_triposg,
    empty_networks,
    find_triposg,
    load_triposg,
    order_heads,
)
from backend.weights.loaders.triposg_names import encoder_origins
from tests.support.triposg_checkpoints import FOLDER, write

FILE = "diffusion_pytorch_model.safetensors"
INVENTORY = json.loads(gzip.decompress((FOLDER / "full_inventory.json.gz").read_bytes()))
CPU = torch.device("cpu")


def published_folder(folder):
    """Configs of the published sizes, without weights."""
    for part in (FLOW, VAE, IMAGE_ENCODER):
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(INVENTORY[part]["args"]))
    return folder


def published(network, origins):
    """Published names and shapes of a network's tensors, all of which are on the "meta" device."""
    state = network.state_dict()
    assert all(tensor.device.type == "meta" for tensor in state.values())
    return {origin.name: list(origin.shape(tuple(state[own].shape))) for own, origin in origins.items()}


@pytest.mark.parametrize("part", [FLOW, VAE, IMAGE_ENCODER])
def test_the_full_size_has_the_published_tensors(part, tmp_path):
    network, origins = empty_networks(published_folder(tmp_path))[part]
    found = published(network, origins)
    if part == VAE:  # the half that turns shapes into latents is not loaded
        with torch.device("meta"):
            encoder = ShapeEncoder(VAESizes())
        found |= published(encoder, encoder_origins(encoder.state_dict()))
    assert found == {key: shape for key, shape, *_ in INVENTORY[part]["tensors"]}


def test_each_head_gets_the_rows_that_the_published_division_gives_it():
    """Slowly: the outputs of q, k and v stand in one row, which is divided among the heads, and each head's share in
    three."""
    torch.manual_seed(0)
    layer = torch.nn.ModuleDict({"attn1": Attention(12, 2), "attn2": Attention(12, 3, context=8)})
    x, context = torch.randn(1, 5, 12), torch.randn(1, 4, 8)
    own, other = layer["attn1"], layer["attn2"]
    assert isinstance(own, Attention) and isinstance(other, Attention)
    with torch.no_grad():
        joined = torch.cat([own.to_q(x), own.to_k(x), own.to_v(x)], -1)[0]
        heads = [joined[:, 18 * h : 18 * (h + 1)].split(6, -1) for h in range(2)]
        pair = torch.cat([other.to_k(context), other.to_v(context)], -1)[0]
        halves = [pair[:, 8 * h : 8 * (h + 1)].split(4, -1) for h in range(3)]
        queries = [other.to_q(x)[0, :, 4 * h : 4 * (h + 1)] for h in range(3)]
        wanted = [torch.softmax(q @ k.T / 6**0.5, -1) @ v for q, k, v in heads]
        crossed = [torch.softmax(q @ k.T / 2, -1) @ v for q, (k, v) in zip(queries, halves, strict=True)]
        order_heads(layer)
        torch.testing.assert_close(own(x)[0], own.to_out(torch.cat(wanted, -1)))
        torch.testing.assert_close(other(x, context)[0], other.to_out(torch.cat(crossed, -1)))


def test_weights_are_stored_in_half_and_told_while_they_are_read(tmp_path):
    told: list[tuple[int, int]] = []
    model = load_triposg(write(tmp_path / "w"), CPU, report=lambda done, total: told.append((done, total)))
    half = {torch.float16, torch.bfloat16}
    assert {p.dtype for p in model.transformer.parameters()} < half
    assert {p.dtype for p in model.decoder.parameters()} == {torch.float16}
    assert {p.dtype for p in model.image_encoder.parameters()} == {torch.float32}
    assert told[-1][0] == told[-1][1] == sum(p.numel() for n in model.networks.values() for p in n.parameters())
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_a_cancel_reaches_the_reading_of_each_tensor(tmp_path):
    told: list[int] = []

    def stop(done, total):
        told.append(done)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_triposg(write(tmp_path / "w"), CPU, report=stop)
    assert len(told) == 3


def damage(folder, part, change):
    file = folder / part / (FILE if part != IMAGE_ENCODER else "model.safetensors")
    state = load_file(file)
    change(state)
    save_file(state, file)


def test_differences_are_named(tmp_path):
    folder = write(tmp_path / "w")

    def change(state):
        del state["blocks.0.attn1.to_q.weight"]
        state["blocks.0.attn2_2.to_q.weight"] = torch.zeros(2)  # of TripoSG-scribble
        state["proj_in.weight"] = torch.zeros(96, 17)
        del state["proj_out.bias"]

    damage(folder, FLOW, change)
    with pytest.raises(WeightsError) as caught:
        check_triposg(folder)
    text = str(caught.value)
    for part in ("to_q.weight is missing", "attn2_2.to_q.weight is unknown", "proj_in.weight is [96, 17]", "1 more"):
        assert part in text
    assert text.count(";") == 2 and "VAST-AI/TripoSG" in caught.value.remedy


@pytest.mark.parametrize("part", [FLOW, VAE, IMAGE_ENCODER])
def test_a_partial_folder_is_refused(part, tmp_path):
    folder = write(tmp_path / "w")
    assert find_triposg(str(folder)) == folder
    [file] = (folder / part).glob("*.safetensors")
    file.unlink()
    with pytest.raises(WeightsError, match=f"{part}.* it needs"):
        check_triposg(folder)
    shutil.rmtree(folder / part)
    with pytest.raises(WeightsError, match=f"no whole TripoSG: there is no {part}/config.json"):
        find_triposg(str(folder))


def test_a_pointer_of_git_lfs_and_numbers_that_are_none_are_refused(tmp_path):
    folder = write(tmp_path / "w")
    damage(folder, VAE, lambda state: state["post_quant.bias"].fill_(torch.nan))
    with pytest.raises(WeightsError, match=r"post_quant\.bias holds values that are not numbers"):
        load_triposg(folder, CPU)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 5758228320\n"
    (folder / FLOW / FILE).write_text(pointer)
    with pytest.raises(WeightsError, match=f"{FILE} cannot be read as weights"):
        check_triposg(folder)


@pytest.mark.parametrize(
    ("part", "changed", "told"),
    [
        (FLOW, {"num_layers": 10**9}, "num_layers is 1000000000"),
        (FLOW, {"width": "wide"}, "width is wide"),
        (VAE, {"num_attention_heads": 5}, "do not divide among 5 heads"),
        (VAE, {"latent_channels": 8}, "parts have other sizes"),
        (IMAGE_ENCODER, {"use_pretrained_backbone": True}, "lies elsewhere"),
        (IMAGE_ENCODER, {"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000"),
    ],
)
def test_configs_of_something_else_are_refused(part, changed, told, tmp_path):
    folder = write(tmp_path / "w")
    config = json.loads((folder / part / "config.json").read_text())
    (folder / part / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(WeightsError, match=told):
        check_triposg(folder)


def test_the_catalog_names_every_file_of_the_release():
    [found] = [weights for weights in catalog.WEIGHTS if weights.part == "triposg"]
    numbers = sum(INVENTORY[part]["parameters"] for part in (FLOW, VAE, IMAGE_ENCODER))
    assert found.size == pytest.approx(4 * numbers, rel=1e-3) and found.commercial_use == "yes"
    folders = {file.path.rsplit("/", 1)[0] for file in found.files}
    assert folders == {FLOW, VAE, IMAGE_ENCODER} and len(found.files) == 6
