# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSR's and OpenLRM's files in every layout that was published: read whole, and everything else refused by name."""

import gzip
import json
import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from backend.interface import catalog
from backend.interface.catalog import WeightsError
from backend.reconstruction.lrm.model import LRM, Architecture
from backend.weights.loaders.lrm import blank, check_lrm, describe_openlrm, load_lrm, save_lrm
from backend.weights.loaders.lrm_names import openlrm_origins, triposr_origins
from tests.support import DATA
from tests.support.checkpoints import recorded_lrm

INVENTORIES = json.loads(gzip.decompress((DATA / "lrm_inventories.json.gz").read_bytes()))
CONFIG = """cond_image_size: 112  # pixels
tokenizer:
  plane_size: 8
backbone:
  num_attention_heads: 4
renderer:
  radius: 0.87
  density_bias: -1.0
"""


def shapes(names: dict, origins: dict) -> dict[str, list[int]]:
    return {origin.name: list(origin.shape(tuple(names[name].shape))) for name, origin in origins.items()}


def test_the_full_size_has_triposrs_tensors():
    state = blank(Architecture()).state_dict()
    assert shapes(state, triposr_origins(state)) == INVENTORIES["triposr"]["keys"]
    assert sum(t.numel() for t in state.values()) == INVENTORIES["triposr"]["total_params"]


@pytest.mark.parametrize("size", INVENTORIES["openlrm"])
def test_the_full_sizes_have_openlrms_tensors(size):
    """The lists of small and large tell one layer of each kind and the number of all parameters."""
    told = INVENTORIES["openlrm"][size]
    listed = {name: tuple(shape) for name, shape in told["keys"].items()}
    found = describe_openlrm(listed, "1.1", {"model": told["config"]})
    whole = replace(found, depth=told["config"]["transformer_layers"], encoder=replace(found.encoder, depth=12))
    for architecture in (found, whole):
        state = blank(architecture).state_dict()
        packed = architecture.width == architecture.encoder.width
        names = shapes(state, openlrm_origins(state, "1.1", packed))
        assert {k: v for k, v in names.items() if k in listed} == told["keys"]
        assert architecture is whole or set(names) == set(listed)
    assert sum(t.numel() for t in state.values()) == told["total_params"]
    assert (found.image_size, found.heads) == ({512: 224, 768: 336, 1024: 448}[found.width], found.width // 64)


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
def test_triposr_is_read_by_its_own_config(name, tmp_path):
    state, told = recorded_lrm("triposr")
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "lrm.json").write_text('{"encoder": {"heads": 4}}')  # which TripoSR fetches from elsewhere
    save_file(state, tmp_path / name) if name.endswith("s") else torch.save(state, tmp_path / name)
    model, kind = load_lrm(tmp_path)
    assert (kind, model.architecture.heads, model.architecture.image_size) == ("triposr", 4, 112)
    (tmp_path / name).unlink()  # nothing is left mapped
    tokens = model.transformer(told["legacy_image_tokens"]).transpose(1, 2)
    torch.testing.assert_close(tokens, told["legacy_plane_tokens"], atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_openlrm_11_is_read_by_its_own_config(name, tmp_path):
    state, _ = recorded_lrm("openlrm")
    (tmp_path / "config.json").write_text('{"transformer_heads": 4, "rendering_samples_per_ray": 96}')
    save_file(state, tmp_path / name) if name.endswith("s") else torch.save(state, tmp_path / name)
    model, kind = load_lrm(tmp_path)
    assert (kind, model.architecture.heads, model.architecture.encoder.kind) == ("openlrm-1.1", 4, "dinov2")
    third = state["transformer.layers.1.self_attn.in_proj_weight"][64:128]
    torch.testing.assert_close(model.transformer.blocks[1].self_attention.to_k.weight, third)  # pyright: ignore


def test_openlrm_10_is_read_with_dino_and_its_own_names(tmp_path):
    state, told = recorded_lrm("openlrm")
    dino, seen = recorded_lrm("triposr")
    old = {k: v for k, v in state.items() if not k.startswith(("encoder.", "pos_embed", "upsampler"))}
    old |= {"transformer.pos_embed": state["pos_embed"]}
    old |= {f"transformer.deconv.{k}": state[f"upsampler.{k}"] for k in ("weight", "bias")}
    prefix = "image_tokenizer.model."
    old |= {"encoder.model." + k.removeprefix(prefix): v for k, v in dino.items() if prefix in k and "pooler" not in k}
    kwargs = {"model": {"transformer_heads": 4}, "infer": {"source_size": 112}}
    torch.save({"weights": old, "kwargs": kwargs}, tmp_path / "model.pth")
    (tmp_path / "lrm.json").write_text('{"encoder": {"heads": 4}}')
    model, kind = load_lrm(tmp_path / "model.pth")
    assert (kind, model.architecture.image_size, model.architecture.normalise) == ("openlrm-1.0", 112, True)
    tokens = model.tokens(seen["resized"].permute(0, 3, 1, 2))
    torch.testing.assert_close(tokens, seen["legacy_image_tokens"], atol=1e-3, rtol=1e-4)
    camera = model.camera_embedding(told["source_camera"])  # pyright: ignore[reportOptionalCall]
    torch.testing.assert_close(
        model.transformer(told["image_feats"], camera), told["plane_tokens"], atol=1e-3, rtol=1e-4
    )


def test_the_starter_is_saved_and_loaded(tmp_path):
    from backend.training.lrm import STARTER

    torch.manual_seed(0)
    model = LRM(STARTER)
    save_lrm(model, tmp_path)
    again, kind = load_lrm(tmp_path)
    assert (kind, again.architecture) == ("starter", STARTER)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value.half().float())


class Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_a_file_of_another_model_is_refused_with_the_differences(tmp_path, monkeypatch):
    state, _ = recorded_lrm("triposr")
    (tmp_path / "lrm.json").write_text('{"heads": 4, "encoder": {"heads": 4}}')
    file = tmp_path / "model.ckpt"
    for name in sorted(state)[:5]:
        del state[name]
    torch.save(state | {"unheard.of": torch.zeros(1)}, file)
    with pytest.raises(WeightsError, match=r"backbone.norm.bias is missing; .* and 3 more") as caught:
        check_lrm(tmp_path)
    assert str(file) in str(caught.value) and caught.value.remedy
    state, _ = recorded_lrm("triposr")
    torch.save(state | {"decoder.layers.18.bias": torch.zeros(5)}, file)
    with pytest.raises(WeightsError, match=r"decoder.layers.18.bias is \[5\], not \[4\]"):
        check_lrm(tmp_path)
    torch.save(state | {"decoder.layers.18.bias": torch.full((4,), torch.nan)}, file)
    with pytest.raises(WeightsError, match="not numbers"):
        load_lrm(tmp_path)
    monkeypatch.chdir(tmp_path)
    torch.save(state | {"program": Intruder()}, file)
    with pytest.raises(WeightsError, match="program"):
        load_lrm(tmp_path)
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("note", ['{"depth": 1000000}', '{"heads": 7}', '{"planes": ["xq", 1, 2]}', '{"width": "a"}'])
def test_hostile_metadata_is_refused(note, tmp_path):
    state, _ = recorded_lrm("triposr")
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "lrm.json").write_text(note)
    with pytest.raises(WeightsError):
        check_lrm(tmp_path)


def test_licences_are_reported():
    sets = {w.id: w for w in catalog.WEIGHTS if w.part == "planes"}
    assert sets["triposr"].commercial_use == "yes" and sets["triposr"].licence == "MIT"
    others = [w for name, w in sets.items() if name != "triposr"]
    assert len(others) == 9 and all(w.commercial_use == "no" and "NC" in w.licence for w in others)
