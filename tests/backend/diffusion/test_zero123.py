# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its models loosely, torch its Sequential.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""Zero-1-to-3: its camera convention, guidance and sampler, on small random networks."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from backend.diffusion.sampling import FAST, PAPER, Sampling
from backend.diffusion.zero123 import PARTS, Condition, Zero123, relative_pose
from backend.interface.view_set import view_set
from backend.reconstruction.sparse_neus.volume_frame import object_box
from backend.rendering.cameras import orbit
from backend.weights.loaders.zero123 import load_zero123
from tests.support import DATA
from tests.support.small_networks import autoencoder, clip_vision, unet


def small_model(prediction_type: str = "v_prediction") -> Zero123:
    torch.manual_seed(0)
    model = Zero123(autoencoder(), clip_vision(), unet(8, 4), nn.Linear(16, 12), prediction_type, "starter")
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize(("azimuth", "elevation"), [(0, 0), (90, 0), (-90, 20), (180, -15), (33, 47)])
def test_relative_pose_equals_the_published_formula(azimuth, elevation):
    """Zero-1-to-3 computes polar angle and azimuth from the camera centres with atan2."""

    def spherical(matrix):
        x, y, z = matrix[:3, 3].tolist()
        return math.atan2(math.hypot(x, y), z), math.atan2(y, x), math.sqrt(x * x + y * y + z * z)

    source, target = spherical(orbit(20, 10, 1.6)), spherical(orbit(20 + azimuth, 10 + elevation, 1.9))
    polar, turn, radius = (t - s for t, s in zip(target, source, strict=True))
    expected = torch.tensor([[polar, math.sin(turn), math.cos(turn), radius]])
    pose = relative_pose(torch.tensor([float(azimuth)]), torch.tensor([float(elevation)]), 1.9 - 1.6)
    torch.testing.assert_close(pose, expected, atol=1e-5, rtol=0)


def test_unconditional_guidance_uses_a_zero_token_and_a_zero_latent():
    model = small_model()
    noisy, t, pose = torch.randn(2, 4, 8, 8), torch.tensor([500, 500]), torch.randn(2, 4)
    condition = Condition(torch.randn(2, 12), torch.randn(2, 4, 8, 8))
    conditional = model.denoise(noisy, t, condition, pose)
    nothing = torch.zeros(2, 1, 12)
    unconditional = model.unet(torch.cat([noisy, torch.zeros_like(noisy)], 1), t, nothing).sample
    guided = model.guided(noisy, t, condition, pose, 3.0)
    torch.testing.assert_close(guided, 3 * conditional - 2 * unconditional, atol=1e-4, rtol=0)
    torch.testing.assert_close(model.guided(noisy, t, condition, pose, 1.0), conditional)


@pytest.mark.parametrize(
    ("prediction_type", "sampling", "tolerance"),
    [
        ("v_prediction", Sampling("ddim", 8, 3.0), 1e-4),
        ("epsilon", Sampling("ddim", 8, 3.0), 0.05),  # the published schedule stops a step short of no noise
        ("epsilon", PAPER, 0.05),
        ("epsilon", FAST, 1e-3),
        ("epsilon", Sampling("dpm++", 20, 3.0), 1e-3),
    ],
)
def test_an_exact_denoiser_is_sampled_exactly(prediction_type, sampling, tolerance, monkeypatch):
    """A network that knows the clean latent must lead every solver there from any noise, in any number of steps."""
    model = small_model(prediction_type)
    clean = torch.randn(3, 4, 8, 8)

    def oracle(noisy, t, *_):
        a = model.scheduler.alphas_cumprod[t[0]]
        noise = (noisy - a.sqrt() * clean) / (1 - a).sqrt()
        return noise if prediction_type == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * clean

    monkeypatch.setattr(model, "guided", oracle)
    condition = Condition(torch.zeros(1, 12), torch.zeros(1, 4, 8, 8))
    images = model.sample(condition, torch.zeros(3, 4), sampling, torch.Generator().manual_seed(1))
    torch.testing.assert_close(images, model.decode(clean), atol=tolerance, rtol=0)


def test_weights_are_offloaded_when_one_view_does_not_fit():
    """A card that has no memory for one view until the weights come to it layer by layer."""
    model, refused = small_model(), []
    images = torch.randn(3, 3, model.image_size, model.image_size)
    known = model.encode(images)

    def network(part: torch.Tensor) -> torch.Tensor:
        if model.placement != "layers":
            refused.append((model.placement, len(part)))
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return model.vae.encode(part).latent_dist.mode()

    model.settle(torch.device("cpu"), 1 << 40)
    torch.testing.assert_close(model.run("vae", network, images), known.latent)
    assert refused == [("resident", 3), ("resident", 1), ("turns", 3), ("turns", 1)]
    torch.testing.assert_close(model.encode(images).embedding, known.embedding)
    assert all(p.is_meta for p in model.unet.parameters())  # nothing lies on the device
    with pytest.raises(RuntimeError, match="shape"):
        model.run("vae", lambda part: torch.zeros(()).view(7), images)


def test_networks_take_turns_on_a_gpu_with_little_memory():
    model = small_model()
    sizes = {name: sum(p.numel() * 4 for p in getattr(model, name).parameters()) for name in PARTS}
    for free, placement in (
        (sum(sizes.values()) / 0.69, "resident"),
        (max(sizes.values()) / 0.69, "turns"),
        (1, "layers"),
    ):
        assert small_model().settle(torch.device("cpu"), int(free)).placement == placement


def test_saved_weights_load_unchanged(tmp_path):
    model = small_model()
    model.save(tmp_path)
    loaded = load_zero123(tmp_path, torch.device("cpu"), torch.float32)
    assert loaded.kind == "starter" and loaded.scheduler.config.prediction_type == "v_prediction"
    for name, value in model.state_dict().items():
        torch.testing.assert_close(
            loaded.state_dict()[name], value.half().float() if value.is_floating_point() else value
        )


def test_the_volume_holds_everything_the_rig_sees():
    """Half side: 1.1 * distance * sin(half the field of view); centred where the cameras look."""
    cameras = torch.stack([orbit(a, e, 1.2) for a, e in view_set(20)])
    cameras[:, :3, 3] += torch.tensor([0.3, -0.2, 0.1])
    frame = object_box(cameras, 49.1)
    assert frame[0, 0].item() == pytest.approx(1.1 * 1.2 * math.sin(math.radians(24.55)), abs=1e-5)
    torch.testing.assert_close(frame[:3, 3], torch.tensor([0.3, -0.2, 0.1]), atol=1e-5, rtol=0)


def test_view_set_equals_the_published_rig():
    """The released pose file (polar 60): the same 32 cameras in the same order; its input stands at azimuth 30."""
    data = np.load(DATA / "one2345_cameras.npz", allow_pickle=False)
    published = {str(n): torch.from_numpy(m).float() for n, m in zip(data["names"], data["cam_to_world"], strict=True)}
    order = [f"{i}_{k}.png" for i in range(8) for k in range(4)]
    elevation = math.degrees(math.asin(published["0.png"][2, 3].item() / 1.2))
    for name, (azimuth, above) in zip(order, view_set(elevation), strict=True):
        torch.testing.assert_close(orbit(azimuth + 30, above, 1.2), published[name][:4], atol=2e-5, rtol=0)
