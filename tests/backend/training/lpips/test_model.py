# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS against a plain numpy network that reads the published layout, with random weights; and its gradient."""

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from backend.training.lpips.model import LPIPS, Backbone, resized
from backend.training.lpips.weights import is_there, load, to_state
from tests.support.lpips_trees import LAYERS, random_tree


def convolve(x: np.ndarray, layer: dict, stride: int, padding: int) -> np.ndarray:
    """A convolution of (H, W, C), and what is negative becomes 0."""
    kernel, x = layer["kernel"].astype(np.float64), np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    windows = sliding_window_view(x, kernel.shape[:2], (0, 1))[::stride, ::stride]  # (h, w, C, kernel h, kernel w)
    return np.maximum(np.einsum("hwcij,ijco->hwo", windows, kernel, optimize=True) + layer["bias"], 0)


def pool(x: np.ndarray, size: int) -> np.ndarray:
    """The largest value of each window, two apart."""
    return sliding_window_view(x, (size, size), (0, 1))[::2, ::2].max((-1, -2))


def slow_features(tree: dict, image: np.ndarray) -> list[np.ndarray]:
    """Unit features of an image (H, W, 3) in 0..1: what the paper's figure 10 shows, a layer at a time."""
    network = "AlexNet_0" if "AlexNet_0" in tree else "VGG16_0"
    kinds, number, found = LAYERS[network], 0, []
    x = (image * 2 - 1 - np.array([-0.030, -0.088, -0.188])) / np.array([0.458, 0.448, 0.450])
    for kind in kinds:
        if kind == "compare":
            found.append(x / (np.sqrt((x**2).sum(-1, keepdims=True)) + 1e-10))
        elif isinstance(kind, int):
            x = pool(x, kind)
        else:
            x = convolve(x, tree[network][f"Conv_{number}"], *kind[2:])
            number += 1
    return found


def slow_distance(tree: dict, a: np.ndarray, b: np.ndarray) -> float:
    pairs = zip(slow_features(tree, a), slow_features(tree, b), strict=True)
    heads = [tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"][0, 0, :, 0] for i in range(5)]
    return sum(float((((f - g) ** 2) @ head).mean()) for (f, g), head in zip(pairs, heads, strict=True))


@pytest.fixture(scope="module", params=["alexnet", "vgg16"])
def random_lpips(request: pytest.FixtureRequest) -> tuple[dict, LPIPS]:
    tree, model = random_tree(request.param), LPIPS(request.param)
    model.load_state_dict(to_state(tree))
    return tree, model


def batch(*images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()


def test_distances_equal_the_slow_networks(random_lpips):
    tree, model = random_lpips
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 35, 41, 3)), rng.random((2, 35, 41, 3)) * [1, 0.5, 0.2]
    found = model(batch(*a), batch(*b))
    assert found.shape == (2,)
    assert found.numpy() == pytest.approx([slow_distance(tree, *pair) for pair in zip(a, b, strict=True)], rel=1e-4)
    assert model(batch(*b), batch(*a)).numpy() == pytest.approx(found.numpy(), rel=1e-5)
    assert (model(batch(*a), batch(*a)) == 0).all()


def test_the_gradient_is_the_slope(random_lpips):
    model = random_lpips[1].double()
    rng = torch.Generator().manual_seed(0)
    image, other, step = torch.rand(3, 1, 3, 33, 33, generator=rng, dtype=torch.float64)
    image.requires_grad_()
    model(image, other).sum().backward()
    assert image.grad is not None
    with torch.no_grad():
        slope = (model(image + 1e-7 * step, other) - model(image - 1e-7 * step, other)).item() / 2e-7
    assert (image.grad * step).sum().item() == pytest.approx(slope, rel=1e-4)
    model.float()


def test_pixels_at_which_nothing_fires_have_no_gradient_rather_than_a_broken_one():
    model = LPIPS("alexnet")
    state = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    model.load_state_dict(state | {"parts.0.0.0.bias": torch.full((64,), -1e6)})
    image = torch.rand(1, 3, 40, 40, requires_grad=True)
    model(image, torch.rand(1, 3, 40, 40)).sum().backward()
    assert image.grad is not None and (image.grad == 0).all()


@pytest.mark.parametrize("backbone, side", [("alexnet", 31), ("vgg16", 16)])
def test_images_may_be_as_small_as_the_network_can_take(backbone: Backbone, side: int):
    model = LPIPS(backbone)
    assert model(torch.zeros(1, 3, side, side), torch.ones(1, 3, side, side)).isfinite().all()
    with pytest.raises(ValueError, match=str(side)):
        model(torch.zeros(1, 3, side - 1, 99), torch.ones(1, 3, side - 1, 99))


def test_a_smaller_image_holds_the_means():
    image = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 3, 4, 4)
    board = torch.tensor([[0.0, 1], [1, 0]]).repeat(32, 32).expand(1, 3, 64, 64)
    torch.testing.assert_close(resized(board, 8)[..., 1:-1, 1:-1], torch.full((1, 3, 6, 6), 0.5))
    assert torch.equal(resized(image, 4), image)


@pytest.mark.skipif(not is_there("alexnet"), reason="`python -m backend train lpips` has not fetched the weights")
def test_the_published_weights_see_what_people_see():
    """A shift of one pixel hardly shows, blur does the more the wider it is, and another picture shows most."""
    from scipy.ndimage import gaussian_filter
    from skimage import data

    cat, coffee = (resized(batch(image / 255), 256) for image in (data.chelsea(), data.coffee()))
    pixels = cat[0].permute(1, 2, 0).numpy()
    blurred = [batch(gaussian_filter(pixels, (sigma, sigma, 0))) for sigma in (1, 3)]
    others = [cat, cat.roll(1, 3), *blurred, coffee]
    same, shifted, little, much, other = (load("alexnet")(cat, image).item() for image in others)
    assert same == 0 < shifted < 0.06 < little < 0.2 < 0.4 < much < 0.5 < 0.65 < other < 0.8
