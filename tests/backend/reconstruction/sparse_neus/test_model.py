# SPDX-License-Identifier: GPL-3.0-or-later
"""SparseNeuS against numbers of the published modules (torchsparse, InPlaceABN) on the same random weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from backend.meshing.marching_cubes import triangulate
from backend.reconstruction.sparse_neus.blending import ray_difference
from backend.reconstruction.sparse_neus.model import Scene, SparseNeuS, cost_volume, project
from backend.reconstruction.sparse_neus.sdf_head import sample_volume
from tests.support import DATA
from tests.support.ray_rendering import RayColors, render

ANNEAL = 0.7  # alpha_inter_ratio of the recorded renders


def read(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights, and the recorded inputs and outputs."""
    with np.load(DATA / name, allow_pickle=False) as file:
        tensors = {k: torch.from_numpy(file[k]) for k in file.files}
    return {k: v for k, v in tensors.items() if k[0] != "_"}, {k[1:]: v for k, v in tensors.items() if k[0] == "_"}


def load(module: torch.nn.Module, weights: dict[str, Tensor]) -> None:
    missing, unexpected = module.load_state_dict(weights, strict=False)
    assert not unexpected
    assert all(k.endswith(("running_mean", "running_var", "num_batches_tracked")) for k in missing)


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    """Shapes, and values within 1e-4 of the quantity's largest."""
    torch.testing.assert_close(actual, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)


@pytest.fixture(scope="module")
def published() -> tuple[SparseNeuS, Scene, dict[str, Tensor]]:
    weights, record = read("sparse_neus.npz")
    model = SparseNeuS(24).eval().requires_grad_(False)
    load(model, weights)
    centres = torch.linalg.inv(record["w2cs"])[:, :3, 3]
    return model, model.build(record["imgs"], record["affine"], centres), record


def test_features_equal_the_published_ones(published):
    _, scene, record = published
    assert_equal(scene.features[[0, 3]][:, :, ::3, ::3], record["fused"])
    assert_equal(scene.features.mean((2, 3)), record["fused_mean"])


def test_costs_and_visible_voxels_equal_the_published_ones(published):
    model, scene, record = published
    x, y, z = record["coords"].long().T
    cost, mask = cost_volume(model.sdf_network_lod0.compress_layer(scene.features), scene.affine, 24)
    rows = cost[0, :, x, y, z].T
    assert_equal(rows[:500:4], record["cost_first500"])
    assert_equal(rows.mean(0), record["cost_mean"])
    assert torch.equal(mask[0, 0].nonzero(), torch.stack([x, y, z], 1)) and torch.equal(mask, scene.mask)
    u, v, depth = project(2 * record["coords"] / 23 - 1, scene.affine, scene.images, 1e-6)
    seen = np.unpackbits(record["view_mask"].numpy(), count=u.numel()).reshape(-1, len(scene.images))
    near_border = ((u.abs() - 1).abs() < 1e-5) | ((v.abs() - 1).abs() < 1e-5)
    mine = (u.abs() <= 1) & (v.abs() <= 1) & (depth > 0)
    assert torch.equal((mine | near_border).T, torch.from_numpy(seen).bool() | near_border.T)


def test_the_volume_equals_the_published_one(published):
    _, scene, record = published
    assert_equal(scene.volume[:, ::2, ::2, ::2], record["volume"])
    assert_equal(scene.volume[:, 1::4, 1::4, 1::4], record["volume_odd"])


def test_distance_and_gradient_equal_the_published_ones(published):
    model, scene, record = published
    points = record["pts"]
    latent = sample_volume(scene.volume, points)
    assert_equal(latent, record["latent"])
    out = model.sdf_network_lod0.sdf_layer(points, latent)
    assert_equal(out[:, :1], record["sdf"])
    assert_equal(out[:, 1:], record["sdf_feat"])
    assert_equal(model.sdf(scene, points), record["sdf"][:, 0])
    assert_equal(model.gradient(scene, points), record["gradient"])


def test_field_and_mesh_equal_the_published_ones(published):
    model, scene, record = published
    axis = torch.linspace(-1, 1, 40)
    points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    field = -torch.cat([model.sdf(scene, part) for part in points.split(8192)]).view(40, 40, 40)
    assert_equal(field[::4, ::4, ::4], record["mc_field40"])
    vertices, faces = triangulate(field.numpy(), 0)
    assert [len(vertices), len(faces)] == record["mc_counts"].tolist()


def test_vertex_colors_equal_the_published_ones(published):
    model, scene, record = published
    vertices = record["verts"]
    normal = F.normalize(model.gradient(scene, vertices), dim=1)
    assert_equal(ray_difference(vertices, normal, scene.centres), record["vert_raydiff"])
    assert torch.equal(model.sample_images(scene, vertices)[1], record["vert_mask"])
    assert_equal(model.color(scene, vertices, normal), record["vert_color"])


def draw(published, scene: Scene, viewer: Tensor) -> RayColors:
    model, _, record = published
    origins, directions, near, far = (record[name] for name in ("rays_o", "rays_d", "near", "far"))
    return render(model, scene, origins, directions, near, far, viewer, anneal=ANNEAL)


def assert_most_rays_equal(actual: Tensor, expected: Tensor, share: float = 0.95) -> None:
    """Importance sampling jumps at the border of what is known: the best rays count."""
    error = (actual - expected).abs().amax(1).sort().values / expected.abs().max()
    assert error[: int(share * len(error))].max() <= 1e-4


def test_renders_equal_the_published_ones(published):
    _, scene, record = published
    seen = draw(published, scene, record["query_c2w"][0, :3, 3])
    recorded = {k.removeprefix("render_query_"): v for k, v in record.items() if k.startswith("render_query_")}
    assert_most_rays_equal(seen.color, recorded["color_fine"])
    assert_most_rays_equal(seen.opacity[:, None], recorded["weights_sum"])
    assert_most_rays_equal(seen.depth[:, None], recorded["depth"])
    # The place of a sample is as exact as a sharpness of 512 lets the sixth digit of a distance make it.
    assert_most_rays_equal(seen.weights, recorded["weights"], share=0.75)
    assert torch.equal(seen.valid[:, None], recorded["color_fine_mask"])
    assert_equal(seen.sdf.flatten()[: len(recorded["sdf"])], recorded["sdf"][:, 0])
    slope = seen.gradient.norm(dim=-1)[seen.inside]
    assert_equal(((slope - 1) ** 2).mean(), recorded["gradient_error_fine"])


def test_a_training_view_is_rendered_without_itself(published):
    """The published training rule: view 0 is not among the sources; what the recorded viewer was."""
    _, scene, record = published
    others = {name: getattr(scene, name)[1:] for name in ("images", "features", "affine", "centres")}
    seen = draw(published, replace(scene, **others), scene.centres[0])
    assert_most_rays_equal(seen.color, record["render_train_color_fine"])
    assert torch.equal(seen.valid[:, None], record["render_train_color_fine_mask"])


def test_trilinear_sampling_equals_grid_sample_and_has_second_derivatives():
    torch.manual_seed(0)
    volume, points = torch.randn(3, 9, 9, 9, dtype=torch.float64), torch.rand(50, 3, dtype=torch.float64) * 1.9 - 0.95
    expected = F.grid_sample(volume[None], points.flip(1)[None, None, None], align_corners=True)[0, :, 0, 0].T
    torch.testing.assert_close(sample_volume(volume, points).double(), expected, atol=1e-6, rtol=0)
    few = points[:3].requires_grad_()
    assert torch.autograd.gradgradcheck(lambda p: sample_volume(volume, p).double() ** 2, few, atol=1e-4)
