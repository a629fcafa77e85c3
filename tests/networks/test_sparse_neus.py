# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS against numbers of the published modules (torchsparse, InPlaceABN) on the same random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from backend.reconstruction.cost_regularisation import SparseCostRegNet
from backend.reconstruction.sdf_head import sample_volume
from backend.reconstruction.sparse_neus import Scene, SparseNeuS, volume_cameras
from backend.rendering.cameras import Camera, orbit, project

DATA = Path(__file__).parents[1] / "data"


def read(name: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Weights, and the recorded inputs and outputs."""
    with np.load(DATA / name, allow_pickle=False) as file:
        tensors = {k: torch.from_numpy(file[k]) for k in file.files}
    return {k: v for k, v in tensors.items() if k[0] != "_"}, {k[1:]: v for k, v in tensors.items() if k[0] == "_"}


def load(module: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    missing, unexpected = module.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(k.endswith(("running_mean", "running_var", "num_batches_tracked")) for k in missing)


@pytest.fixture(scope="module")
def published() -> tuple[SparseNeuS, Scene, dict[str, torch.Tensor]]:
    weights, record = read("sparse_neus.npz")
    model = SparseNeuS(24).eval()
    load(model, weights)
    with torch.no_grad():
        centres = torch.linalg.inv(record["w2cs"])[:, :3, 3]
        return model, model.build(record["imgs"], record["affine"], centres), record


def test_features_and_volume_are_the_published_ones(published):
    _, scene, record = published
    torch.testing.assert_close(scene.features.mean((2, 3)), record["features_mean"], atol=1e-5, rtol=0)
    torch.testing.assert_close(scene.volume[:, ::3, ::3, ::3], record["volume"], atol=1e-4, rtol=0)
    assert torch.equal(scene.mask[0, 0].bool(), record["mask"])


def test_distance_gradient_and_color_are_the_published_ones(published):
    model, scene, record = published
    with torch.no_grad():
        torch.testing.assert_close(model.sdf(scene, record["pts"]), record["sdf"], atol=1e-5, rtol=0)
        torch.testing.assert_close(model.gradient(scene, record["pts"]), record["gradient"], atol=3e-4, rtol=0)
        normal = F.normalize(model.gradient(scene, record["verts"]), dim=1)
        torch.testing.assert_close(model.color(scene, record["verts"], normal), record["color"], atol=3e-5, rtol=0)


def test_masked_dense_convolutions_equal_torchsparse():
    weights, record = read("cost_regularisation.npz")
    net = SparseCostRegNet()
    load(net, weights)
    i, j, k = record["coords"].long().T
    cost, mask = torch.zeros(1, 32, 16, 16, 16), torch.zeros(1, 1, 16, 16, 16)
    cost[0, :, i, j, k], mask[0, 0, i, j, k] = record["feats"].T, 1
    with torch.no_grad():
        out = net(cost, mask)[0][:, i, j, k].T
    torch.testing.assert_close(out, record["out"], atol=3e-5, rtol=0)


def test_trilinear_sampling_equals_grid_sample_and_has_second_derivatives():
    torch.manual_seed(0)
    volume, points = torch.randn(3, 9, 9, 9, dtype=torch.float64), torch.rand(50, 3, dtype=torch.float64) * 1.9 - 0.95
    expected = F.grid_sample(volume[None], points.flip(1)[None, None, None], align_corners=True)[0, :, 0, 0].T
    torch.testing.assert_close(sample_volume(volume, points).double(), expected, atol=1e-6, rtol=0)
    few = points[:3].requires_grad_()
    assert torch.autograd.gradgradcheck(lambda p: sample_volume(volume, p).double() ** 2, few, atol=1e-4)


def test_volume_cameras_equal_the_projection_of_the_cameras():
    """The network's affine, in whole-number pixel centres, against Camera.project, whose pixel centres lie at +0.5."""
    camera = Camera(orbit(37, 21, 1.4), 40, 64, 64)
    frame = torch.diag(torch.tensor([0.6, 0.6, 0.6, 1.0]))
    frame[:3, 3] = torch.tensor([0.1, -0.05, 0.02])
    affine, centres = volume_cameras(camera.cam_to_world[None], 40, 64, frame)
    points = torch.rand(20, 3) - 0.5
    pixels, depth = project(camera, points @ frame[:3, :3].T + frame[:3, 3])
    x, y, z = (points @ affine[0, :3, :3].T + affine[0, :3, 3]).unbind(1)
    torch.testing.assert_close(torch.stack([x / z, y / z], 1), pixels - 0.5, atol=1e-3, rtol=0)
    torch.testing.assert_close(z, depth, atol=1e-5, rtol=0)
    torch.testing.assert_close(frame[:3, :3] @ centres[0] + frame[:3, 3], camera.position, atol=1e-5, rtol=0)
