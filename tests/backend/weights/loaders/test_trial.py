# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely.
# pyright: reportAttributeAccessIssue=false
"""The built-in model, copied and spoilt: what no tensor's name or shape shows."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from backend.interface.catalog import WeightsError
from backend.weights.loaders.stable_diffusion import check_text_weights, load_text_to_image
from backend.weights.loaders.trial import prediction_errors
from backend.weights.store.store import STARTER, STARTER_TEXT

CPU = torch.device("cpu")
UNET = "unet/diffusion_pytorch_model.safetensors"
SCHEDULE = "scheduler/scheduler_config.json"

pytestmark = pytest.mark.skipif(not any(STARTER_TEXT.rglob("*.safetensors")), reason="the built-in weights are missing")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(STARTER_TEXT, tmp_path / "model")
    shutil.copytree(STARTER / "vae", tmp_path / "model" / "vae")
    return tmp_path / "model"


def load(folder: Path):
    return load_text_to_image(str(folder), CPU, torch.float32)


def change(folder: Path, name: str, **values) -> None:
    config = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(config | values))


def spoil(folder: Path, change) -> None:
    save_file({name: change(tensor) for name, tensor in load_file(folder / UNET).items()}, folder / UNET)


def remove(folder: Path, name: str) -> None:
    shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def test_a_whole_copy_works_and_predicts_velocity(folder):
    """A model's error is far smaller for what it was trained to predict."""
    errors = prediction_errors(load(folder))
    assert errors["v_prediction"] < 0.15 < errors["epsilon"]


FAULTS = {
    "lacks its part scheduler": lambda f: remove(f, "scheduler"),
    "lacks its part vae": lambda f: remove(f, "vae"),
    "lacks its part text_encoder": lambda f: remove(f, "text_encoder"),
    "lacks its part text_encoder: there is no text_encoder/config": lambda f: remove(f, "text_encoder/config.json"),
    "lacks its part vae: there is no vae/config": lambda f: remove(f, "vae/config.json"),
    "no unet/config.json": lambda f: remove(f, "unet"),
    "no tokenizer": lambda f: remove(f, "tokenizer"),
    "unet holds no weights": lambda f: remove(f, UNET),
    "quantised .int8.": lambda f: spoil(f, lambda t: (t * 10).to(torch.int8)),
    "quantised .uint8.": lambda f: spoil(f, lambda t: (t * 10).to(torch.uint8)),
    "quantised .bool.": lambda f: spoil(f, lambda t: t > 0),
    "not numbers": lambda f: spoil(f, lambda t: t * float("nan")),
    "are zeros": lambda f: spoil(f, torch.zeros_like),
    "its unet predicts velocity, its scheduler says noise": lambda f: change(f, SCHEDULE, prediction_type="epsilon"),
    "predicts sample": lambda f: change(f, SCHEDULE, prediction_type="sample"),
    "its vae gives no usable numbers": lambda f: change(f, "vae/config.json", scaling_factor=1e6),
    "does not work": lambda f: change(f, "vae/config.json", scaling_factor=None),
    "its images have the side None": lambda f: change(f, "unet/config.json", sample_size=None),
    "its images have the side 1000000": lambda f: change(f, "unet/config.json", sample_size=10**6),
    "than its text_encoder": lambda f: shorten(f),
    "takes 1 tokens": lambda f: change(f, "tokenizer/tokenizer_config.json", model_max_length=1),
}


def shorten(folder: Path) -> None:
    """The text encoder of another model: twice as many words."""
    file = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "token_embedding" in name)
    save_file(tensors | {name: tensors[name].repeat(2, 1)}, file)
    change(folder, "text_encoder/config.json", vocab_size=2 * len(tensors[name]))


@pytest.mark.parametrize("words", FAULTS)
def test_what_would_draw_noise_is_refused_by_name(words, folder):
    FAULTS[words](folder)
    with pytest.raises(WeightsError, match=words) as caught:
        load(folder)
    assert caught.value.remedy


@pytest.mark.parametrize("part", ["scheduler", "tokenizer", "vae", "text_encoder"])
def test_missing_parts_are_told_before_numbers_are_read(part, folder):
    check_text_weights(str(folder))
    remove(folder, part)
    with pytest.raises(WeightsError, match=part):
        check_text_weights(str(folder))
