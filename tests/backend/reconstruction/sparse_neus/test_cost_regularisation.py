# SPDX-License-Identifier: GPL-3.0-or-later
"""The sparse U-Net as masked dense convolutions, against torchsparse's recorded numbers and a slow sparse one."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from backend.reconstruction.sparse_neus.cost_regularisation import SparseBlock, SparseCostRegNet, downsample_sites
from tests.support import DATA


def record(name: str) -> dict[str, Tensor]:
    with np.load(DATA / name, allow_pickle=False) as file:
        return {k: torch.from_numpy(file[k]) for k in file.files}


def offsets(size: int) -> list[tuple[int, ...]]:
    """torchsparse 1.4's order: x fastest for odd kernels, z fastest for even ones."""
    axis = range(-(size // 2), size // 2 + 1) if size % 2 else range(size)
    order = itertools.product(axis, repeat=3)
    return [o[::-1] for o in order] if size % 2 else list(order)


def slow_convolution(coords, feats, kernel, sites, step: int, transposed: bool = False) -> Tensor:
    """Site by site: out[o] += in[i] @ W[k] where i = o + offset k; transposed where o = i + offset k."""
    kernel = kernel[None] if kernel.ndim == 2 else kernel
    place = {tuple(c): row for row, c in enumerate(coords.tolist())}
    out = torch.zeros(len(sites), kernel.shape[-1])
    for row, site in enumerate(sites.tolist()):
        for k, offset in enumerate(offsets(round(len(kernel) ** (1 / 3)))):
            sign = -1 if transposed else 1
            source = tuple(s + sign * step * o for s, o in zip(site, offset, strict=True))
            if source in place:
                out[row] += feats[place[source]] @ kernel[k]
    return out


def slow_sites(coords: Tensor, step: int, kernel: int = 3) -> Tensor:
    """Sites after a stride of 2: every reached multiple of 2 step, none below the lowest coordinates."""
    if kernel == 2:
        return (coords // (2 * step) * (2 * step)).unique(dim=0)
    reached = torch.cat([coords + step * torch.tensor(o) for o in offsets(3)])
    good = (reached % (2 * step) == 0).all(1) & (reached >= coords.amin(0)).all(1)
    return reached[good].unique(dim=0)


def dense(coords: Tensor, feats: Tensor, side: int) -> Tensor:
    grid = torch.zeros(1, feats.shape[1], side, side, side)
    grid[0, :, *coords.T] = feats.T
    return grid


OPERATIONS = {  # name: (input, step between the input's sites, transposed)
    "conv_k3_s1": ("", 1, False),
    "conv_k3_s2": ("", 1, False),
    "conv_level2": ("conv_k3_s2", 2, False),
    "tconv_k3_s2": ("conv_k3_s2", 1, True),
    "conv_k2_s2": ("", 1, False),
    "tconv_k2_s2": ("conv_k2_s2", 1, True),
    "conv_k1_s1": ("", 1, False),
    "conv_k2_s1": ("", 1, False),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_slow_reference_equals_torchsparse(name):
    """So that it may judge the fast one on other sizes."""
    saved = record("sparse_ops.npz")
    assert saved["offsets_k3"].tolist() == [list(o) for o in offsets(3)]
    assert saved["offsets_k2"].tolist() == [list(o) for o in offsets(2)]
    source, step, transposed = OPERATIONS[name]
    prefix = source + "." if source else ""
    coords, feats = saved[prefix + "coords"][:, :3].long(), saved[prefix + "feats"]
    sites = saved[f"{name}.coords"][:, :3].long()
    out = slow_convolution(coords, feats, saved[f"{name}.kernel"], sites, step, transposed)
    torch.testing.assert_close(out, saved[f"{name}.feats"], atol=1e-4, rtol=1e-4)
    if name in ("conv_k3_s2", "conv_level2", "conv_k2_s2"):
        assert torch.equal(sites, slow_sites(coords, step, 2 if "k2" in name else 3))


def block(inputs: int, outputs: int, kernel: Tensor, stride: int = 1, transposed: bool = False) -> SparseBlock:
    made = SparseBlock(inputs, outputs, stride, transposed)
    made.net[0].kernel.data = kernel  # pyright: ignore[reportAttributeAccessIssue]
    return made.requires_grad_(False)


def normalised(rows: Tensor) -> Tensor:
    """Batch norm over the sites, with weight 1 and bias 0, and ReLU."""
    return F.relu((rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt())


@pytest.mark.parametrize("source", ["recorded", 9, 12])
def test_dense_blocks_equal_sparse_convolutions(source):
    """On torchsparse's own sites, and on even and odd sides with other widths."""
    if source == "recorded":
        saved = record("sparse_ops.npz")
        coords, feats = saved["coords"][:, :3].long(), saved["feats"]
        side, kernels = (
            int(coords.max()) + 1,
            [saved[f"{n}.kernel"] for n in ("conv_k3_s1", "conv_k3_s2", "tconv_k3_s2")],
        )
    else:
        generator = torch.Generator().manual_seed(source)
        side = source
        mask = torch.rand(side, side, side, generator=generator) < 0.1
        mask[: side // 3] = False
        coords = mask.nonzero()
        feats = torch.randn(len(coords), 3, generator=generator)
        kernels = [torch.randn(27, i, o, generator=generator) for i, o in ((3, 4), (3, 5), (5, 2))]
    same, down, up = kernels
    mask = dense(coords, torch.ones(len(coords), 1), side)
    grid, low = dense(coords, feats, side), downsample_sites(mask)

    out = block(same.shape[1], same.shape[2], same)(grid, mask)[0, :, *coords.T].T
    torch.testing.assert_close(out, normalised(slow_convolution(coords, feats, same, coords, 1)), atol=1e-4, rtol=1e-4)

    sites = slow_sites(coords, 1)
    assert torch.equal(low[0, 0].nonzero() * 2, sites)
    coarse = block(down.shape[1], down.shape[2], down, 2)(grid, low)
    rows = normalised(slow_convolution(coords, feats, down, sites, 1))
    torch.testing.assert_close(coarse[0, :, *(sites // 2).T].T, rows, atol=1e-4, rtol=1e-4)

    fine = block(up.shape[1], up.shape[2], up, transposed=True)(coarse, mask)[0, :, *coords.T].T
    expected = normalised(slow_convolution(sites, rows, up, coords, 1, transposed=True))
    torch.testing.assert_close(fine, expected, atol=1e-4, rtol=1e-4)


def test_every_level_of_the_network_equals_torchsparses():
    saved = record("cost_regularisation.npz")
    weights = {k: v for k, v in saved.items() if k[0] != "_"}
    net = SparseCostRegNet(weights["conv0.net.0.kernel"].shape[1]).requires_grad_(False)
    _, unexpected = net.load_state_dict(weights, strict=False)
    assert not unexpected
    outputs: dict[str, Tensor] = {}
    for name, module in net.named_children():
        module.register_forward_hook(lambda _, inputs, out, name=name: outputs.update({name: out}))
    coords = saved["_coords"].long()
    mask = dense(coords, torch.ones(len(coords), 1), 16)
    outputs["out"] = net(dense(coords, saved["_feats"], 16), mask)
    for name, expected in {k[1:-6]: v for k, v in saved.items() if k.endswith("_feats") and k != "_feats"}.items():
        sites = saved[f"_{name}_coords"].long() // int(saved[f"_{name}_stride"])
        assert_equal(outputs[name][0, :, *sites.T].T, expected)
        outside = outputs[name].clone()
        outside[0, :, *sites.T] = 0
        assert not outside.any()  # the sites, and no others
    assert_equal(outputs["out"][0, :, *coords.T].T, saved["_out"])


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)
