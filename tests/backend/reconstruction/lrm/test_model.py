# SPDX-License-Identifier: GPL-3.0-or-later
"""LRM against numbers of TripoSR's and OpenLRM's published code on the same random weights, at a small size."""

from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from backend.preprocess.published_lrm_inputs import resize_openlrm, resize_triposr
from backend.reconstruction.lrm.image_tokens import Encoder
from backend.reconstruction.lrm.local_features import LocalFeatures, enlarge
from backend.reconstruction.lrm.model import LRM, POINTS_PER_CORE, Architecture, project, sample_volume, to_camera
from backend.reconstruction.lrm.source_camera import source_camera
from backend.reconstruction.lrm.transformer import TriplaneTransformer
from backend.rendering.cameras import Camera, orbit
from backend.rendering.cameras import project as project_camera
from backend.weights.loaders.lrm import load_lrm
from tests.support import DATA
from tests.support.lrm_rendering import render

TELLING = {  # what the tensors of the small sizes cannot tell
    "triposr": '{"heads": 4, "image_size": 112, "encoder": {"heads": 4, "positions": "%s"}}',
    "openlrm": '{"heads": 4, "image_size": 56, "encoder": {"heads": 3}}',
}


@cache
def record(name: str) -> dict[str, Tensor]:
    with np.load(DATA / f"lrm_{name}.npz", allow_pickle=False) as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """(name, positions) -> the network with the recorded weights."""
    from safetensors.torch import save_file

    @cache
    def load(name: str, positions: str = "legacy") -> LRM:
        folder = tmp_path_factory.mktemp(name)
        save_file({k: v for k, v in record(name).items() if k[0] != "_"}, folder / "model.safetensors")
        note = TELLING[name]
        (folder / "lrm.json").write_text(note % positions if "%" in note else note)
        return load_lrm(folder)[0]

    return load


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    """Shapes, and values within 1e-4 of the quantity's largest."""
    torch.testing.assert_close(actual, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)


def grid(side: int, radius: float) -> Tensor:
    axis = torch.linspace(-radius, radius, side)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).view(1, -1, 3)


def test_images_are_resized_as_published():
    triposr, openlrm = record("triposr"), record("openlrm")
    assert_equal(resize_triposr(triposr["_image_u8"].numpy(), 112), triposr["_resized"].permute(0, 3, 1, 2))
    assert_equal(resize_openlrm(openlrm["_rgba_u8"].numpy(), 56), openlrm["_image"])


@pytest.mark.parametrize("positions", ["legacy", "new"])
def test_triposr_equals_the_published_code(model, positions):
    lrm, told = model("triposr", positions), {k.replace(f"_{positions}_", ""): v for k, v in record("triposr").items()}
    picture = told["_resized"].permute(0, 3, 1, 2)
    tokens = lrm.tokens(picture)
    assert_equal(tokens, told["image_tokens"])
    assert_equal(lrm.transformer(tokens).transpose(1, 2), told["plane_tokens"])
    scene = lrm.encode(picture)
    assert_equal(scene.planes, told["scene_code"])
    raw, color = lrm.query(scene, told["_points"][None])
    assert_equal(raw[0, :, None], told["density"])
    assert_equal(lrm.density(raw)[0, :, None], told["density_act"])
    assert_equal(color[0], told["color"])


def test_triposr_renders_and_fills_a_grid_as_published(model):
    lrm, told = model("triposr", "new"), record("triposr")
    scene = lrm.encode(told["_resized"].permute(0, 3, 1, 2))
    density = lrm.density(lrm.query(scene, grid(20, 0.87))[0]).view(20, 20, 20)
    assert_equal(density, told["_grid_density_act"])
    color, _ = render(lrm, scene, told["_rays_o"].view(-1, 3), told["_rays_d"].view(-1, 3))
    assert_equal(color.view(3, 24, 24, 3), told["_renders"])


def test_openlrm_equals_the_published_code(model):
    lrm, told = model("openlrm"), record("openlrm")
    tokens = lrm.tokens(told["_image"])
    assert_equal(tokens, told["_image_feats"])
    camera = lrm.camera_embedding(told["_source_camera"])
    assert_equal(camera, told["_camera_embedding"])
    assert_equal(lrm.transformer(tokens, camera), told["_plane_tokens"])
    scene = lrm.encode(told["_image"], told["_source_camera"])
    assert_equal(scene.planes, told["_planes"])
    raw, color = lrm.query(scene, told["_points"])
    assert_equal(lrm.density(raw)[..., None], told["_sigma_act"])
    assert_equal(color, told["_rgb"])
    assert_equal(lrm.density(lrm.query(scene, grid(20, 1.0))[0]).view(20, 20, 20), told["_grid_sigma_act"])


def test_openlrm_renders_the_published_image_up_to_random_samples(model):
    lrm, told = model("openlrm"), record("openlrm")
    scene = lrm.encode(told["_image"], told["_source_camera"])
    color, opacity = render(lrm, scene, told["_rays_o"].flatten(0, 1), told["_rays_d"].flatten(0, 1), 32)
    expected = told["_render_rgb"][0].permute(0, 2, 3, 1).reshape(-1, 3)
    assert (color - expected).abs().mean() < 0.1 * expected.std()
    torch.testing.assert_close(opacity, told["_render_weight"].flatten(), atol=0.02, rtol=0)


def test_the_default_source_camera_is_openlrms():
    """OpenLRM's source camera stands at (0, -2, 0) and sees 0.75 of a picture side as far as a focal length."""
    expected = record("openlrm")["_source_camera"][0]
    torch.testing.assert_close(source_camera(0, 1 / 1.5, 2.0), expected)


def test_layers_equal_torchs():
    """The order cross, self, feed-forward, with torch's own attention, normalisation and activation."""
    torch.manual_seed(0)
    net = TriplaneTransformer(8, 1, 2, 6, 2, "cross first", 5).double()
    image, camera, x = torch.randn(2, 3, 6).double(), torch.randn(2, 5).double(), net.tokens.expand(2, -1, -1)
    (block,) = net.blocks
    cross = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, bias=False, batch_first=True).double()
    own = nn.MultiheadAttention(8, 2, bias=False, batch_first=True).double()
    for theirs, ours in ((cross, block.cross_attention), (own, block.self_attention)):
        q, k, v = (getattr(ours, f"to_{n}").weight for n in "qkv")
        state = {"q_proj_weight": q, "k_proj_weight": k, "v_proj_weight": v}
        state = state if theirs is cross else {"in_proj_weight": torch.cat([q, k, v])}
        theirs.load_state_dict(state | {"out_proj.weight": ours.to_out.weight})

    def norm(i: int, x: Tensor) -> Tensor:
        part = getattr(block, f"norm{i}")
        shift, scale = part.modulation(camera * torch.sigmoid(camera)).chunk(2, 1)
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, correction=0, keepdim=True) + 1e-6).sqrt()
        return (x * part.norm.weight + part.norm.bias) * (1 + scale[:, None]) + shift[:, None]

    x = x + cross(norm(1, x), image, image)[0]
    x = x + own(*[norm(2, x)] * 3)[0]
    x = x + block.feed_forward.second(F.gelu(block.feed_forward.first(norm(3, x))))
    torch.testing.assert_close(net(image, camera), net.norm(x))


STARTER = Architecture(
    Encoder("efficientnet", 16, heads=1),
    32,
    False,
    16,
    1,
    2,
    "cross first",
    8,
    4,
    6,
    ("xy", "xz", "zy"),
    0.6,
    16,
    3,
    "silu",
    "raw",
    0.0,
    local=8,
    local_widths=(8, 16, 16, 24),
    local_fine=8,
    slices=4,
    slice_channels=2,
)


def test_local_features_are_sampled_at_the_points_pixel():
    camera = source_camera(25, 0.4, 1.2)[None]
    points = torch.rand(1, 50, 3) - 0.5
    fov = 2 * np.degrees(np.arctan(0.4))
    pixels, _ = project_camera(Camera(orbit(0, 25, 1.2), float(fov), 32, 32), points[0])
    torch.testing.assert_close(project(camera, to_camera(camera, points))[0], pixels / 16 - 1, atol=1e-5, rtol=0)
    lrm = LRM(STARTER)
    scene = lrm.encode(torch.rand(1, 3, 32, 32), camera)
    assert scene.local is not None and scene.local.shape == (1, 8, 16, 16)
    assert scene.volume is not None and scene.volume.shape == (1, 4 * 2, 8, 8)
    raw, color = lrm.query(scene, points)
    assert raw.shape == (1, 50) and color.shape == (1, 50, 3)
    changed = lrm.query(replace(scene, local=scene.local + 1), points)[0]
    assert (changed != raw).any()


def test_a_mirrored_encoding_gives_the_mirror_image_the_mirrored_shape():
    """And is the mean of what two scenes say."""
    torch.manual_seed(0)
    lrm, camera = LRM(STARTER), source_camera(25, 0.4, 1.2)[None]
    picture, points = torch.rand(1, 3, 32, 32), grid(4, 0.5)
    mirrored = points * torch.tensor([-1, 1, 1])
    depth = torch.tensor([-0.7])
    raw, colors = lrm.query(lrm.encode_mirrored(picture, camera, depth), points)
    flipped = lrm.query(lrm.encode_mirrored(picture.flip(-1), camera, depth), mirrored)
    torch.testing.assert_close(flipped, (raw, colors), atol=1e-5, rtol=0)
    pairs = (picture, points), (picture.flip(-1), mirrored)
    one, two = (lrm.query(lrm.encode(p, camera, depth), x)[0] for p, x in pairs)
    assert (one - two).abs().max() > 1e-3
    torch.testing.assert_close(raw, (one + two) / 2, atol=1e-5, rtol=0)


def test_many_points_in_parts_equal_one_query():
    torch.manual_seed(0)
    lrm, camera = LRM(STARTER).eval(), source_camera(25, 0.4, 1.2)[None]
    with torch.no_grad():
        scene = lrm.encode_mirrored(torch.rand(1, 3, 32, 32), camera, torch.tensor([-0.7]))
        points = torch.rand(POINTS_PER_CORE * torch.get_num_threads() + 7, 3) - 0.5
        raw, colors = lrm.query_many(scene, points)
        whole = lrm.query(scene, points[None])
    torch.testing.assert_close((raw, colors), (whole[0][0], whole[1][0]), atol=1e-6, rtol=0)


def test_an_image_and_its_mirror_image_have_one_estimated_camera():
    torch.manual_seed(1)
    lrm, picture = LRM(STARTER), torch.rand(2, 3, 32, 32)
    found = lrm.estimate_camera(picture)
    torch.testing.assert_close(found, lrm.estimate_camera(picture.flip(-1)))
    seen = [lrm.encode(p, source_camera(25, 0.4, 1.2).repeat(2, 1)).estimate for p in (picture, picture.flip(-1))]
    torch.testing.assert_close(found, torch.stack([s for s in seen if s is not None]).mean(0))
    assert found.shape == (2, 3) and (found[0] != found[1]).all()


def test_slices_are_interpolated_at_the_points_depth():
    """Each slice holds its own number; a point between two slices interpolates them."""
    volume = torch.arange(4.0)[None, None, :, None, None].expand(1, 1, 4, 5, 6)
    places = torch.tensor([[[0.1, -0.3, -0.75], [0.2, 0.1, 0.0], [-0.5, 0.4, 0.25], [0, 0, 0.75]]])
    torch.testing.assert_close(sample_volume(volume, places)[0, :, 0], torch.tensor([0.0, 1.5, 2.0, 3.0]))
    # A ramp across the picture is told by the first coordinate, whatever the depth.
    ramp = torch.arange(6.0).expand(1, 1, 4, 5, 6)
    torch.testing.assert_close(sample_volume(ramp, places[:, :2])[0, :, 0], 3 * places[0, :2, 0] + 2.5)


def test_every_parameter_of_the_starter_gets_a_gradient():
    lrm = LRM(STARTER)
    assert lrm.local_features is not None
    for layer in (*lrm.local_features.read, lrm.local_features.fine_head):  # which begin at zero
        torch.nn.init.normal_(cast(Any, layer).weight)
    scene = lrm.encode(torch.rand(2, 3, 32, 32), source_camera(25, 0.4, 1.2).repeat(2, 1))
    raw, color = lrm.query(scene, grid(3, 0.3))
    assert scene.estimate is not None
    (raw.square().mean() + color.mean() + scene.estimate.sum()).backward()
    unused = [name for name, p in lrm.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert unused == []


def local_features(blocks: int = 0) -> tuple[LocalFeatures, torch.Tensor, list[torch.Tensor]]:
    """A small U-Net, an image, and pretrained features of it."""
    channels, generator = (2, 3, 4, 5, 6), torch.Generator().manual_seed(0)
    features = [torch.rand(1, c, 64 >> i, 64 >> i, generator=generator) for i, c in enumerate(channels)]
    network = LocalFeatures(8, 6, channels, (8, 16, 16, 24), 16, 8, blocks)
    return network, torch.rand(1, 3, 64, 64, generator=generator), features


def test_residual_blocks_add_nothing_until_they_have_learnt():
    plain, image, features = local_features()
    deeper = local_features(2)[0]
    deeper.load_state_dict(plain.state_dict(), strict=False)
    torch.testing.assert_close(deeper(image, features), plain(image, features), atol=0, rtol=0)
    torch.nn.init.ones_(cast(Any, deeper.blocks[1])[1].weight)
    assert (deeper(image, features)[0] - plain(image, features)[0]).abs().max() > 1e-3


def test_pretrained_features_and_fine_detail_add_nothing_until_they_have_learnt():
    network, image, features = local_features()
    local, coarse, camera = network(image, features)
    assert (local.shape, coarse.shape, camera.shape) == ((1, 8, 32, 32), (1, 6, 16, 16), (1, 3))
    other = network(image, [f + 1 for f in features])
    torch.testing.assert_close(other, (local, coarse, camera), atol=0, rtol=0)
    for layer in (*network.read, network.fine_head):
        torch.nn.init.normal_(cast(Any, layer).weight)
    before = network(image, features)[0]
    for level in range(1, 5):
        changed = [f + (i == level) for i, f in enumerate(features)]
        assert (network(image, changed)[0] - before).abs().max() > 1e-4, level


def test_chosen_scenes_answer_as_they_do_among_all():
    lrm, points = LRM(STARTER), grid(3, 0.3)
    scene = lrm.encode(torch.rand(3, 3, 32, 32), source_camera(25, 0.4, 1.2).repeat(3, 1))
    every = lrm.query(scene, points.expand(3, -1, -1))[0]
    chosen = lrm.query(scene.select(torch.tensor([2, 0])), points.expand(2, -1, -1))[0]
    torch.testing.assert_close(chosen, every[[2, 0]])


def test_enlarging_keeps_a_ramp_where_it_is():
    ramp = torch.arange(6.0).expand(1, 1, 4, 6)
    centres = (torch.arange(12) + 0.5) / 2 - 0.5  # of the finer pixels, in coarse ones
    torch.testing.assert_close(enlarge(ramp)[0, 0], centres.clamp(0, 5).expand(8, 12))
