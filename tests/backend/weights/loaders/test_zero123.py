# SPDX-License-Identifier: GPL-3.0-or-later
"""Zero123 in its published layouts: what is read, what is refused, what is converted."""

import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from backend.engines import Request, one2345
from backend.interface.catalog import WeightsError
from backend.interface.tasks import task
from backend.runtime.progress import Progress
from backend.weights.formats.checkpoint import read_file
from backend.weights.loaders.zero123 import check_zero123, convert, load_zero123
from backend.weights.loaders.zero123_layout import open_zero123
from tests.support.zero123_rule import SPEC, rule, state_dict

CPU = torch.device("cpu")
STATE = state_dict()
EMA = "model_ema.diffusion_modelinput_blocks00weight"
RAW = "model.diffusion_model.input_blocks.0.0.weight"
FILE = "diffusion_pytorch_model.safetensors"


class Callback:
    """A class that the reader must not instantiate; it records when it is."""

    made: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.best = torch.tensor(1.0)

    def __setstate__(self, state: object) -> None:
        self.made.append("callback")


class Program:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


def save(folder: Path, state: dict[str, Tensor] = STATE, **others: Any) -> Path:
    torch.save({"state_dict": state, **others}, folder / "any name.ckpt")
    return folder / "any name.ckpt"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """As Lightning writes it, with an optimiser's state, a callback and counters; what nobody reads is no number."""
    raw = {k: torch.full_like(v, torch.nan) if k.startswith("model.diffusion") else v for k, v in STATE.items()}
    extras = {"betas": torch.zeros(9), "model_ema.decay": torch.tensor(0.9), "model_ema.num_updates": torch.tensor(3)}
    extras |= {"cond_stage_model.model.token_embedding.weight": torch.zeros(5, 4)}
    optimizer = [{"state": {0: {"exp_avg": torch.full((3,), torch.nan)}}, "param_groups": [{"betas": (0.9, 0.99)}]}]
    others = {"callbacks": {Callback: Callback()}, "optimizer_states": optimizer, "epoch": 3}
    return save(tmp_path_factory.mktemp("original"), raw | extras, **others)


@pytest.fixture(scope="module")
def converted(checkpoint, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    convert(checkpoint, folder, lambda *_: None)
    return folder


def test_averaged_weights_are_read_and_no_pickled_object_is_made(checkpoint):
    model = load_zero123(checkpoint, CPU, torch.float32)
    assert model.kind == "zero123" and not Callback.made
    torch.testing.assert_close(model.unet.state_dict()["conv_in.weight"], rule(EMA, [32, 8, 3, 3]))
    known = "first_stage_model.decoder.up.3.block.0.norm1.weight"  # counted from the output
    torch.testing.assert_close(model.vae.state_dict()["decoder.up_blocks.0.resnets.0.norm1.weight"], STATE[known])
    assert sum(p.numel() for p in model.unet.parameters()) == sum(
        v.numel() for k, v in STATE.items() if k.startswith("model_ema.")
    )


def test_without_an_average_the_trained_weights_are_read(tmp_path):
    model = load_zero123(save(tmp_path, {k: v for k, v in STATE.items() if "ema" not in k}), CPU, torch.float32)
    torch.testing.assert_close(model.unet.state_dict()["conv_in.weight"], STATE[RAW])


def without(*names: str) -> dict[str, Tensor]:
    return {k: v for k, v in STATE.items() if k not in names}


FIRST = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"
VISUAL = "cond_stage_model.model.visual"
CLASS = f"{VISUAL}.class_embedding"
DECODER = "first_stage_model.decoder.conv_out.bias"
DAMAGE: dict[str, tuple[Callable[[], dict[str, Tensor]], list[str]]] = {
    "missing": (
        lambda: without("cc_projection.bias", DECODER, CLASS),
        [f"{name} is missing" for name in ("cc_projection.bias", DECODER, CLASS)],
    ),
    "four missing": (lambda: without("cc_projection.bias", DECODER, CLASS, RAW), ["and 1 more"]),
    "average missing": (lambda: without(EMA), [f"{EMA} is missing"]),
    "extra": (lambda: STATE | {"model.diffusion_model.x": torch.zeros(1)}, ["model.diffusion_model.x is unknown"]),
    "extra beside": (lambda: STATE | {"lora.weight": torch.zeros(1)}, ["lora.weight is unknown"]),
    "shape": (lambda: STATE | {DECODER: torch.zeros(4)}, [f"{DECODER} is [4], not [3]"]),
    "no numbers": (lambda: STATE | {DECODER: torch.full((3,), torch.nan)}, [DECODER, "not numbers"]),
    "stable diffusion": (
        lambda: {k: v[:, :4] if k in (RAW, EMA) else v for k, v in STATE.items() if not k.startswith("cc_")},
        [*(f"cc_projection.{name} is missing" for name in ("bias", "weight")), f"{RAW} is [32, 4, 3, 3], not [32, 8"],
    ),
    "something else": (
        lambda: {"layer.weight": torch.zeros(3, 3)},
        [f"{FIRST} is missing", "layer.weight is unknown"],
    ),
    "a LoRA": (
        lambda: {f"lora_unet_down_blocks_{i}.lora_up.weight": torch.zeros(32, 4) for i in range(4)},
        [
            f"{FIRST} is missing",
            *(f"lora_unet_down_blocks_{i}.lora_up.weight is unknown" for i in (0, 1)),
        ],
    ),
    "stable diffusion as published": (
        lambda: (
            {k: v[:, :4] if k in (RAW, EMA) else v for k, v in STATE.items() if not k.startswith(("cc_", "cond_stage"))}
            | {f"cond_stage_model.transformer.text_model.{name}.weight": torch.zeros(4) for name in ("a", "b", "c")}
        ),
        [f"{VISUAL}.conv1.weight is missing", *(f"text_model.{name}.weight is unknown" for name in ("a", "b"))],
    ),
    "nothing": (dict, ["no tensors"]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_differences_from_the_network_are_named(damage, tmp_path):
    make, told = DAMAGE[damage]
    with pytest.raises(WeightsError) as caught:
        load_zero123(save(tmp_path, make(), global_step=1), CPU, torch.float32)
    assert all(text in str(caught.value) for text in [*told, str(tmp_path)]), str(caught.value)
    assert caught.value.remedy


def test_unsuitable_weights_are_refused_before_the_image_is_processed(tmp_path):
    path = save(tmp_path, without(DECODER), global_step=1)
    values = task("one2345").check({"weights": str(path), "device": "cpu"})
    with pytest.raises(WeightsError, match=f"{DECODER} is missing"):
        one2345.run(Request("one2345", {}, values, 0), Progress())  # there is no image yet


def test_checking_a_file_reads_no_tensor(checkpoint, monkeypatch):
    monkeypatch.setattr("backend.weights.formats.checkpoint._view", lambda *_: pytest.fail("a number was read"))
    check_zero123(checkpoint)


@pytest.mark.parametrize("inside", [True, False], ids=["beside the weights", "as the weights"])
def test_a_pickle_that_runs_code_is_refused(inside, tmp_path):
    program = Program(tmp_path / "made by a program")
    path = save(tmp_path, STATE if inside else program, callbacks=program)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match=r"run a program \(\w+\.mkdir\)"):
        load_zero123(path, CPU, torch.float32)
    assert not program.file.exists()


def test_files_that_are_no_checkpoint_are_refused(tmp_path, checkpoint):
    data = checkpoint.read_bytes()
    old = tmp_path / "old.ckpt"
    torch.save({"a": torch.zeros(2)}, old, _use_new_zipfile_serialization=False)
    files = {
        "truncated": (data[: len(data) // 2], "incomplete"),
        "old": (old.read_bytes(), "before 2020"),
        "empty": (b"", "it is empty"),
        "text": (b"<html>Sign in</html>", "it is a web page"),
        "other": (b"Sign in", "neither"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        "zeros": (bytes(4096), "nothing but zeros"),
        "pickle": (pickle.dumps({"a": 1}), "before 2020"),
    }
    for name, (content, told) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=told):
            load_zero123(path, CPU, torch.float32)
    with zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + bytes((1 << 28) - 1))  # 260 kB hold 268 MB
    assert (tmp_path / "bomb.ckpt").stat().st_size < 1 << 19
    with pytest.raises(WeightsError, match="no checkpoint"):
        load_zero123(tmp_path / "bomb.ckpt", CPU, torch.float32)
    with pytest.raises(WeightsError, match="not there"):
        load_zero123(tmp_path / "nowhere", CPU, torch.float32)
    (tmp_path / "folder").mkdir()
    with pytest.raises(WeightsError, match="needs the folder unet"):
        load_zero123(tmp_path / "folder", CPU, torch.float32)


@pytest.mark.skipif(sys.platform == "win32", reason="has neither links for everybody nor pipes with a name")
def test_links_are_followed_and_pipes_refused(tmp_path):
    save(tmp_path, without(DECODER), global_step=1)
    (tmp_path / "link").symlink_to(tmp_path / "any name.ckpt")
    with pytest.raises(WeightsError, match=f"{DECODER} is missing"):
        load_zero123(tmp_path / "link", CPU, torch.float32)
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="not there"):
        load_zero123(tmp_path / "broken", CPU, torch.float32)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="not a file"):
        load_zero123(tmp_path / "pipe", CPU, torch.float32)


def test_strides_and_all_number_types_are_read(tmp_path):
    kept = torch.arange(12.0).view(3, 4)
    made = {"turned": kept.T, "row": kept[1], "none": torch.zeros(0, 3), "half": kept.bfloat16(), "n": torch.tensor(7)}
    torch.save(made, tmp_path / "good")
    for name, stored in read_file(tmp_path / "good").items():
        assert stored.shape == made[name].shape and torch.equal(stored.read(), made[name])


def test_files_are_unmapped_when_their_tensors_are_freed(checkpoint, converted):
    """In both formats the file is unmapped when the tensors are freed."""
    maps = Path("/proc/self/maps")
    for path in (checkpoint, converted / "unet" / FILE):
        stored = read_file(path)
        stored = stored.get("state_dict", stored)
        for part in list(stored.values())[:20]:
            assert part.read().shape == part.shape
        if maps.exists():
            assert str(path) not in maps.read_text().replace("\\040", " ")


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path):
    """A file whose pickle claims the shape (1000,) for a storage of 4 numbers."""
    torch.save({"a": torch.zeros(4)}, tmp_path / "good")
    with zipfile.ZipFile(tmp_path / "good") as good, zipfile.ZipFile(tmp_path / "bad", "w") as bad:
        for name in good.namelist():
            bad.writestr(name, good.read(name).replace(b"K\x04\x85", b"M\xe8\x03\x85", 1))
    with pytest.raises(WeightsError, match="larger than its numbers"):
        read_file(tmp_path / "bad")


def test_conversion_keeps_the_weights_in_half_the_bytes(checkpoint, converted):
    told: list[tuple[str, int, int]] = []
    folder = converted.parent / "again"
    before, after = convert(checkpoint, folder, lambda *step: told.append(step))
    assert before == checkpoint.stat().st_size
    assert after == sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    used = sum(v.numel() for k, v in STATE.items() if not k.startswith("model.diffusion"))
    assert told[-1][1:] == (2 * used, 2 * used)
    assert 2 * used < after < 2.2 * used
    half = load_file(folder / "unet" / FILE)["conv_in.weight"]
    torch.testing.assert_close(half, rule(EMA, [32, 8, 3, 3]).half())
    model = load_zero123(folder, CPU, torch.float32)
    assert model.kind == "zero123" and model.scheduler.config.prediction_type == "epsilon"
    original = load_zero123(checkpoint, CPU, torch.float32).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, original[name].half().float())


def test_every_published_folder_layout_is_read(converted, tmp_path):
    """cc_projection with projection.* in pickles; files of several precisions; old names; other schedulers."""
    known = load_zero123(converted, CPU, torch.float32)
    folder = tmp_path / "other"
    shutil.copytree(converted, folder)
    (folder / "zero123.json").unlink()
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": "PNDMScheduler"}))
    linear = load_file(folder / "clip_camera_projection" / FILE)
    shutil.rmtree(folder / "clip_camera_projection")
    (folder / "cc_projection").mkdir()
    renamed = {k.replace("proj.", "projection.", 1): v for k, v in linear.items()}
    torch.save(renamed, folder / "cc_projection" / "diffusion_pytorch_model.bin")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    vae = load_file(folder / "vae" / FILE)
    for new, before in old.items():
        vae = {k.replace(f"attentions.0.{new}.", f"attentions.0.{before}."): v for k, v in vae.items()}
    save_file(vae, folder / "vae" / "diffusion_pytorch_model.fp16.safetensors")
    (folder / "vae" / FILE).unlink()
    clip = load_file(folder / "image_encoder" / "model.safetensors")
    clip["vision_model.embeddings.position_ids"] = torch.arange(257)[None]
    torch.save(clip, folder / "image_encoder" / "pytorch_model.bin")
    (folder / "image_encoder" / "model.safetensors").unlink()
    unet = load_file(folder / "unet" / FILE)
    for variant, scale in (("fp16_ema", 1), ("fp16", 2), ("", 3)):
        name = ".".join(filter(None, ("diffusion_pytorch_model", variant, "safetensors")))
        save_file({k: v * scale for k, v in unet.items()}, folder / "unet" / name)
    model = load_zero123(folder, CPU, torch.float32)
    assert model.kind == "zero123" and model.scheduler.config.prediction_type == "epsilon"
    for name, value in known.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)
    (folder / "unet" / "diffusion_pytorch_model.fp16_ema.safetensors").unlink()
    for half, scale in ((True, 2), (False, 3)):
        read = open_zero123(folder, half=half).tensors["unet/conv_in.weight"].read()
        torch.testing.assert_close(read, unet["conv_in.weight"] * scale)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("scheduler/scheduler_config.json", {"prediction_type": "v_prediction"}, "its scheduler predicts v_prediction"),
        ("scheduler/scheduler_config.json", "{", "scheduler_config.json cannot be read"),
        ("unet/config.json", None, "lacks its part unet: there is no unet/config.json"),
        ("vae/config.json", None, "lacks its part vae"),
        ("image_encoder/config.json", "<!doctype html>", "a web page"),
        ("vae/config.json", {"scaling_factor": "large"}, "a vae whose scaling_factor is large"),
        ("vae/config.json", {"scaling_factor": -1}, "a vae whose scaling_factor is -1"),
        ("unet/config.json", {"attention_head_dim": 7}, "7 heads of the unet do not divide 32"),
        ("unet/config.json", {"attention_head_dim": 0}, "has sizes that no Zero123 has"),
        ("image_encoder/config.json", {"hidden_act": "none of all"}, "has sizes that no Zero123 has"),
        ("unet/config.json", {"layers_per_block": 10**9}, "layers_per_block is 1000000000"),
    ],
)
def test_a_folder_whose_parts_are_missing_or_strange_is_refused(converted, tmp_path, name, content, words):
    folder = tmp_path / "a"
    shutil.copytree(converted, folder)
    (folder / "scheduler").mkdir()
    file = folder / name
    if content is None:
        file.unlink()
    elif isinstance(content, str):
        file.write_text(content)
    else:
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(before | content))
    with pytest.raises(WeightsError, match=words):
        load_zero123(folder, CPU, torch.float32)


def test_a_folder_that_lacks_a_tensor_says_which(converted, tmp_path):
    shutil.copytree(converted, tmp_path / "a")
    file = tmp_path / "a" / "image_encoder" / "model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if "post_layernorm" not in k}, file)
    with pytest.raises(WeightsError, match=r"image_encoder/vision_model\.post_layernorm\.bias is missing"):
        load_zero123(tmp_path / "a", CPU, torch.float32)
    shutil.rmtree(tmp_path / "a" / "vae")
    with pytest.raises(WeightsError, match="no weights in its folder vae"):
        load_zero123(tmp_path / "a", CPU, torch.float32)


def test_the_kind_is_recognised_by_state_catalog_or_note(converted, checkpoint, tmp_path, monkeypatch):
    assert open_zero123(checkpoint).kind == "zero123"  # by its training state
    bare = save(tmp_path)
    assert open_zero123(bare).kind == "stable-zero123"
    assert open_zero123(bare, "zero123").kind == "zero123"  # the catalog knows better
    convert(bare, tmp_path / "stable", lambda *_: None)
    (tmp_path / "zero123.json").write_text('{"kind": "zero123"}')  # beside the checkpoint: somebody knows better
    assert open_zero123(bare).kind == "zero123"
    assert open_zero123(tmp_path / "stable").kind == "stable-zero123"
    (tmp_path / "stable" / "zero123.json").unlink()
    assert open_zero123(tmp_path / "stable").kind == "zero123"
    (tmp_path / "stable" / "model_index.json").write_text('{"_name_or_path": "Someone/stable_zero123_diffusers"}')
    assert open_zero123(tmp_path / "stable").kind == "stable-zero123"
    assert open_zero123(tmp_path / "stable").prediction_type == "epsilon"
    assert len(SPEC["tensors"]) == len(STATE)
