# SPDX-License-Identifier: GPL-3.0-or-later
"""Segment Anything (Kirillov et al. 2023) with a box, as in One-2-3-45, by transformers' networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..interface.catalog import WeightsError
from ..weights.formats.checkpoint import read_file
from ..weights.formats.compare import find_differences, refuse_differences, wanted_shapes
from ..weights.formats.fill import fill

if TYPE_CHECKING:
    from transformers import SamModel

REMEDY = "Download the weights again, or remove them to cut objects out without them."
NAMES = (  # Meta's names of modules, and transformers'
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"\.blocks\.", ".layers."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.norm", ".layer_norm"),
    (r"\.pe_layer\.positional_encoding_gaussian_matrix", ".shared_embedding.positional_embedding"),
    (r"\.point_embeddings\.", ".point_embed."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (r"(mlps\.\d+|iou_prediction_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(mlps\.\d+|iou_prediction_head)\.layers\.2\.", r"\1.proj_out."),
    (r"(mlps\.\d+|iou_prediction_head)\.layers\.1\.", r"\1.layers.0."),
)
POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
SECOND_POSITIONS = "shared_image_embedding.positional_embedding"  # transformers has this tensor twice


def load_sam(path: Path) -> SamModel:
    """SAM from a folder in the layout of facebook/sam-vit-*, or from Meta's own checkpoint. WeightsError."""
    from transformers import SamModel

    stored = read_file(path / "model.safetensors", REMEDY) if path.is_dir() else rename(read_file(path, REMEDY))
    for one, other in ((POSITIONS, SECOND_POSITIONS), (SECOND_POSITIONS, POSITIONS)):
        if one in stored:
            stored.setdefault(other, stored[one])
    with torch.device("meta"):
        model = SamModel(make_config(stored, path))
    refuse_differences(find_differences(stored, wanted_shapes(model)), f"{path} does not fit SamModel", REMEDY)
    fill(model, stored, path, REMEDY)
    return model.eval().requires_grad_(False)


def rename(state: Mapping[str, Any]) -> dict[str, Any]:
    """Meta's checkpoint under the names of transformers."""
    renamed = {}
    for name, value in state.items():
        for pattern, replacement in NAMES:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value
    return {name: value for name, value in renamed.items() if not name.startswith("pixel_")}


def make_config(state: Mapping[str, Any], path: Path) -> Any:
    """The config with sizes inferred from the image encoder's tensors: base, large or huge. WeightsError."""
    from transformers import SamConfig

    try:
        patches = state["vision_encoder.patch_embed.projection.weight"]
        width, _, _, patch = patches.shape
        grid = state["vision_encoder.pos_embed"].shape[1]
        layers = sum(name.endswith(".attn.rel_pos_h") for name in state)
        reach = [state[f"vision_encoder.layers.{i}.attn.rel_pos_h"].shape for i in range(layers)]
        windows = [(rows + 1) // 2 for rows, _ in reach]
        vision = {
            "hidden_size": width,
            "num_hidden_layers": layers,
            "num_attention_heads": width // reach[0][1],
            "mlp_dim": state["vision_encoder.layers.0.mlp.lin1.bias"].shape[0],
            "output_channels": state["vision_encoder.neck.conv1.weight"].shape[0],
            "image_size": grid * patch,
            "patch_size": patch,
            "window_size": min(windows),
            "global_attn_indexes": [i for i, side in enumerate(windows) if side == grid],
        }
    except (KeyError, IndexError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise WeightsError(
            f"{path} is no checkpoint of Segment Anything: {error} is missing or wrong.", REMEDY
        ) from None
    return SamConfig(vision_config=vision, prompt_encoder_config={"image_size": grid * patch, "patch_size": patch})


@torch.no_grad()
def segment(model: SamModel, color: np.ndarray, box: tuple[int, int, int, int], device: torch.device) -> np.ndarray:
    """uint8 RGB (H, W, 3) and a box (left, top, right, bottom) in pixels -> bool (H, W): the last of the three masks.

    The last is the whole object, as One-2-3-45 takes it, not the one with the best score.
    """
    from transformers import SamProcessor
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil  # the other needs torchvision

    side = model.config.vision_config.image_size  # pyright: ignore
    size = {"size": {"longest_edge": side}, "pad_size": {"height": side, "width": side}}
    processor = SamProcessor(SamImageProcessorPil(**size))  # pyright: ignore[reportArgumentType]
    inputs = processor(images=color, input_boxes=[[[float(x) for x in box]]], return_tensors="pt")  # pyright: ignore[reportCallIssue]
    pixels, boxes = (inputs[name].float().to(device) for name in ("pixel_values", "input_boxes"))
    masks: Tensor = model.to(device)(  # pyright: ignore[reportArgumentType]
        pixel_values=pixels, input_boxes=boxes, multimask_output=True
    ).pred_masks
    sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
    return processor.post_process_masks(masks.cpu(), *sizes)[0][0, -1].numpy()
