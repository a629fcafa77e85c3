# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment Anything on tiny random networks: both layouts of its weights, the box, the choice among its masks."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import SamConfig, SamModel, SamVisionConfig

from backend.interface.catalog import WeightsError
from backend.preprocess import background, sam_weights, segment_anything
from backend.preprocess.background import remove_background
from backend.preprocess.sam_weights import find_sam
from backend.preprocess.segment_anything import load_sam, segment

# transformers' names to Meta's, written down from Meta's released modules, for what is named otherwise there.
META = (
    (r"vision_encoder\.layers\.", "image_encoder.blocks."),
    (r"vision_encoder", "image_encoder"),
    (r"patch_embed\.projection", "patch_embed.proj"),
    (r"neck\.conv1", "neck.0"),
    (r"neck\.layer_norm1", "neck.1"),
    (r"neck\.conv2", "neck.2"),
    (r"neck\.layer_norm2", "neck.3"),
    (
        r"prompt_encoder\.shared_embedding\.positional_embedding",
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
    ),
    (r"prompt_encoder\.point_embed", "prompt_encoder.point_embeddings"),
    (r"mask_embed\.conv1", "mask_downscaling.0"),
    (r"mask_embed\.layer_norm1", "mask_downscaling.1"),
    (r"mask_embed\.conv2", "mask_downscaling.3"),
    (r"mask_embed\.layer_norm2", "mask_downscaling.4"),
    (r"mask_embed\.conv3", "mask_downscaling.6"),
    (r"upscale_conv1", "output_upscaling.0"),
    (r"upscale_layer_norm", "output_upscaling.1"),
    (r"upscale_conv2", "output_upscaling.3"),
    (r"(mlps\.\d|iou_prediction_head)\.layers\.0", r"\1.layers.1"),
    (r"(mlps\.\d|iou_prediction_head)\.proj_in", r"\1.layers.0"),
    (r"(mlps\.\d|iou_prediction_head)\.proj_out", r"\1.layers.2"),
    (r"\.layer_norm", ".norm"),
)
BOX = (5, 6, 40, 25)


@pytest.fixture(scope="module")
def sam() -> SamModel:
    torch.manual_seed(0)
    vision = SamVisionConfig(
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=64,
        patch_size=8,
        window_size=3,
        global_attn_indexes=[1],
        mlp_dim=40,
    )
    model = SamModel(
        SamConfig(vision_config=vision.to_dict(), prompt_encoder_config={"image_size": 64, "patch_size": 8})
    )
    for value in model.parameters():
        torch.nn.init.normal_(value, std=0.3)
    return model.eval().requires_grad_(False)


def to_meta(model: SamModel) -> dict[str, torch.Tensor]:
    state = {}
    for name, value in model.state_dict().items():
        if not name.startswith("shared_image_embedding"):
            for pattern, replacement in META:
                name = re.sub(pattern, replacement, name)
            state[name] = value
    return state | {"pixel_mean": torch.zeros(3, 1, 1), "pixel_std": torch.ones(3, 1, 1)}


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)


def by_hand(model: SamModel) -> np.ndarray:
    """Resize the longer side, normalise, pad; scale the box; enlarge, crop and enlarge the last mask: (30, 50)."""
    pixels = torch.from_numpy(picture()).permute(2, 0, 1)[None].float()
    pixels = F.interpolate(pixels, (38, 64), mode="bilinear", antialias=True).round() / 255
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = F.pad((pixels - mean) / std, (0, 0, 0, 26))
    box = torch.tensor([[BOX]]) * torch.tensor([64 / 50, 38 / 30, 64 / 50, 38 / 30])
    low = model(pixel_values=pixels, input_boxes=box, multimask_output=True).pred_masks[0, :, -1:]
    large = F.interpolate(low, (64, 64), mode="bilinear", align_corners=False)[..., :38, :]
    return F.interpolate(large, (30, 50), mode="bilinear", align_corners=False)[0, 0].numpy()


@pytest.mark.parametrize("layout", ["folder", "checkpoint"])
def test_both_layouts_give_the_reference_mask(layout, sam, tmp_path):
    path = tmp_path / "sam"
    if layout == "folder":
        sam.save_pretrained(path)
    else:
        torch.save(to_meta(sam), path)
    loaded = load_sam(path)
    for name, value in sam.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=0, rtol=0)
    assert loaded.config.vision_config.to_dict()["global_attn_indexes"] == [1]
    mask, expected = segment(loaded, picture(), BOX, torch.device("cpu")), by_hand(sam)
    assert mask.shape == (30, 50) and 0 < mask.sum() < mask.size
    assert (mask == (expected > 0))[np.abs(expected) > np.abs(expected).max() / 50].all()


def test_damaged_weights_are_refused(sam, tmp_path):
    state = to_meta(sam)
    del state["mask_decoder.iou_token.weight"]
    torch.save(state, tmp_path / "file")
    with pytest.raises(WeightsError, match=r"mask_decoder\.iou_token\.weight is missing"):
        load_sam(tmp_path / "file")
    torch.save({"model": torch.zeros(3)}, tmp_path / "file")
    with pytest.raises(WeightsError, match="no checkpoint of Segment Anything"):
        load_sam(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WeightsError, match="not there"):
        load_sam(tmp_path / "folder")


@pytest.mark.parametrize("layout", ["folder", "checkpoint"])
def test_the_first_three_differences_are_named(layout, sam, tmp_path):
    other = {"mask_decoder.iou_token.weight": torch.zeros(1, 5), "mask_decoder.extra": torch.zeros(1)}
    if layout == "folder":
        sam.save_pretrained(tmp_path)
        state = load_file(tmp_path / "model.safetensors") | other
        save_file({k: v for k, v in state.items() if "mask_tokens" not in k}, tmp_path / "model.safetensors")
        path = tmp_path
    else:
        torch.save({k: v for k, v in (to_meta(sam) | other).items() if "mask_tokens" not in k}, path := tmp_path / "a")
    with pytest.raises(WeightsError) as caught:
        load_sam(path)
    for difference in ("extra is unknown", "iou_token.weight is [1, 5], not [1, 256]", "mask_tokens.weight is missing"):
        assert f"mask_decoder.{difference}" in str(caught.value)


class Intruder:
    def __reduce__(self):
        return os.mkdir, ("intruded",)


def test_code_in_a_file_never_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Intruder()}, "file")
    shutil.copy("file", tmp_path / "model.safetensors")
    for path in (Path("file"), tmp_path):
        with pytest.raises(WeightsError, match="program"):
            load_sam(path)
    assert not Path("intruded").exists()


def test_the_best_model_on_disk_is_found(monkeypatch, tmp_path):
    here = {"sam-vit-base": tmp_path / "base"}
    monkeypatch.setattr(sam_weights.store, "locate", here.get)
    assert find_sam() == tmp_path / "base"
    here["sam-vit-h"] = tmp_path / "original"
    assert find_sam() == tmp_path / "original" / "sam_vit_h_4b8939.pth"


def on_white() -> np.ndarray:
    image = np.ones((40, 60, 4), np.float32)
    image[10:30, 20:45, :3] = 0.2, 0.5, 0.3
    return image


def test_the_prompt_box_encloses_the_rough_cut_out(monkeypatch):
    """From the border's colour, inclusive, and what is found in it becomes alpha."""
    asked = []

    def found(model, color, box, device):
        asked.append((model, color.dtype, box, str(device)))
        mask = np.zeros((40, 60), bool)
        mask[12:28, 22:43] = True
        return mask

    monkeypatch.setattr(background, "find_sam", lambda: Path("sam"))
    monkeypatch.setattr(segment_anything, "load_sam", lambda path: f"model from {path}")
    monkeypatch.setattr(segment_anything, "segment", found)
    monkeypatch.setattr(background.salient_object, "find", lambda: None)
    image = on_white()
    image[12:28, 22:43, :3] = 0.7, 0.5, 0.1  # the part that is found
    cut = remove_background(image, "always")
    assert asked == [("model from sam", np.uint8, (20, 10, 44, 29), "cpu")]
    assert cut.method == "sam" and "Segment Anything" in cut.note
    assert cut.image[..., 3].sum() == 16 * 21 and cut.image[20, 30, 1] == pytest.approx(0.5)


def test_without_weights_the_border_colour_is_used_and_noted(monkeypatch):
    monkeypatch.setattr(background, "find_sam", lambda: None)
    monkeypatch.setattr(background.salient_object, "find", lambda: None)
    cut = remove_background(on_white(), "always")
    assert cut.method == "border" and "by its color" in cut.note
    assert (cut.image[..., 3] > 0.5).sum() == 20 * 25


def test_an_empty_mask_is_rejected(monkeypatch):
    monkeypatch.setattr(background, "find_sam", lambda: Path("sam"))
    monkeypatch.setattr(segment_anything, "load_sam", lambda _: None)
    monkeypatch.setattr(segment_anything, "segment", lambda *_: np.zeros((40, 60), bool))
    monkeypatch.setattr(background.salient_object, "find", lambda: None)
    assert remove_background(on_white(), "always").method == "border"
