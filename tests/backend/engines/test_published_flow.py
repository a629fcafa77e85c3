# SPDX-License-Identifier: GPL-3.0-or-later
"""One-2-3-45's order of views with published weights: a model that draws what it is asked for stands in for Zero123."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.diffusion.sampling import PAPER, Sampling
from backend.diffusion.zero123 import Condition, relative_pose
from backend.engines import Request, one2345
from backend.interface.tasks import task
from backend.interface.view_set import NEIGHBOURS, view_set
from backend.preprocess import elevation
from backend.reconstruction.sparse_neus.model import SparseNeuS
from backend.runtime.progress import Progress
from backend.weights.loaders.one2345 import One2345Networks

SIZE = 32
CORNER = 253.5 / 255  # what 8 bits cut to 253, and whitening makes white


@dataclass
class Draws:
    """Stands in for Zero123: every view's shade tells its number; a corner is nearly white."""

    kind: str = "zero123"
    image_size: int = SIZE
    is_starter: bool = False
    asked: list[tuple[Tensor, Sampling]] = field(default_factory=list)
    encoded: list[Tensor] = field(default_factory=list)
    drawn: int = 0

    def sampling(self, *_) -> Sampling:
        return PAPER

    def pose(self, azimuth: Tensor, height: Tensor, _, nearer: float) -> Tensor:
        return relative_pose(azimuth, height, nearer)

    def encode(self, images: Tensor) -> Condition:
        self.encoded.append(images)
        return Condition(torch.zeros(len(images), 1), images.flatten(1)[:, :1])

    def sample(self, condition: Condition, pose: Tensor, sampling: Sampling, generator, step_done) -> Tensor:
        self.asked.append((pose, sampling))
        assert len(condition.latent) in (1, len(pose))
        step_done(1, 1)
        views = torch.stack([torch.full((3, SIZE, SIZE), (self.drawn + i + 0.6) / 255) for i in range(len(pose))])
        views[:, :, 0, 0] = CORNER
        self.drawn += len(pose)
        return views


def small_ball() -> SparseNeuS:
    """Untrained: the distance starts as that to a sphere; a quarter of the volume's half side wide here."""
    torch.manual_seed(0)
    model = SparseNeuS(16, rig="published").eval().requires_grad_(False)
    model.sdf_network_lod0.sdf_layer.lin2.bias += 0.25
    return model


def run(monkeypatch, model: Draws, polar: int | None = None, weights: Path | None = None, **values):
    models = One2345Networks(model, small_ball(), torch.device("cpu"))  # pyright: ignore[reportArgumentType]
    seen: list[np.ndarray] = []

    def matched(_, views: np.ndarray, __) -> str:
        seen.append(views)
        return "matches"

    monkeypatch.setattr(one2345, "load_models", lambda *_: models)
    monkeypatch.setattr(one2345, "make_room", lambda _: None)
    monkeypatch.setattr(one2345, "check_weights", lambda *_: None)
    monkeypatch.setattr(one2345, "find_loftr", lambda: weights)
    monkeypatch.setattr(one2345, "load_loftr", lambda *_: None)
    monkeypatch.setattr(one2345, "match", matched)
    monkeypatch.setattr(one2345, "estimate_polar", lambda _: polar)
    image = np.zeros((40, 60, 4), np.float32)
    image[10:30, 20:40] = 0.4, 0.5, 0.6, 1
    parameters = task("one2345").check({"weights": "zero123-xl", "mesh_resolution": 32, **values})
    return one2345.run(Request("one2345", {"image": image}, parameters, 0), Progress()), seen


def degrees(pose: Tensor) -> list[tuple[int, int]]:
    """(azimuth, elevation) offsets of Zero-1-to-3's poses."""
    azimuth = torch.rad2deg(torch.atan2(pose[:, 1], pose[:, 2])).round().int() % 360
    return list(zip(azimuth.tolist(), (-torch.rad2deg(pose[:, 0])).round().int().tolist(), strict=True))


@pytest.mark.parametrize(("polar", "second"), [(75, -30), (76, 30)])
def test_views_are_drawn_in_the_released_order_with_an_estimated_elevation(polar, second, monkeypatch):
    model = Draws()
    result, seen = run(monkeypatch, model, polar, Path("here"))
    ring = [0, 90, 180, 270]
    near = [(a % 360, e) for a, e in NEIGHBOURS]
    assert [degrees(pose) for pose, _ in model.asked] == [
        [(a, 0) for a in ring],
        near,
        [(30 + a, second) for a in ring],
        near * 7,
    ]
    assert [sampling.steps for _, sampling in model.asked] == [75, 50, 75, 50]
    assert result.facts["elevation_deg"] == 90 - polar
    assert result.facts["elevation"] == "estimated" and "warning" not in result.facts
    # view 0's neighbours were drawn fifth to eighth, and the elevation was estimated from them
    assert seen[0].dtype == np.uint8 and seen[0][:, 1, 1, 0].tolist() == [4, 5, 6, 7]
    shades = result.views[:, 1, 1, 0].tolist()
    assert shades == [4, 5, 6, 7, *range(12, 40)]


def test_views_are_quantised_to_8_bits_and_whitened_between_the_stages(monkeypatch):
    model = Draws()
    run(monkeypatch, model, 60, Path("here"))
    first, others = model.encoded[1], model.encoded[2]
    assert [len(model.encoded[0]), len(first), len(others)] == [1, 1, 7]
    bytes_ = (torch.cat([first, others]) + 1) / 2 * 255
    torch.testing.assert_close(bytes_[:, 0, 1, 1], torch.tensor([0, 1, 2, 3, 8, 9, 10, 11.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(bytes_[:, 0, 0, 0], torch.full((8,), 255.0))


def test_without_elevation_weights_the_given_elevation_is_used_and_noted(monkeypatch):
    model = Draws()
    result, seen = run(monkeypatch, model, elevation_deg=25.0)
    assert not seen and result.facts["elevation_deg"] == 25
    assert "given" in result.facts["elevation"] and "models download one2345-elevation" in result.facts["elevation"]
    assert result.facts["elevation"] in result.facts["warning"]
    assert [len(pose) for pose, _ in model.asked] == [8, 32]


def test_the_estimate_can_be_switched_off(monkeypatch):
    result, seen = run(monkeypatch, Draws(), 60, Path("here"), auto_elevation=False, elevation_deg=-5.0)
    assert not seen and (result.facts["elevation"], result.facts["elevation_deg"]) == ("given", -5)


def test_without_matches_the_polar_angle_is_90_and_noted(monkeypatch):
    result, _ = run(monkeypatch, Draws(), None, Path("here"))
    assert result.facts["elevation_deg"] == 0
    assert result.facts["elevation"] in result.facts["warning"]
    assert "not found" in result.facts["elevation"] and "set Elevation" in result.facts["elevation"]


def test_the_mesh_lies_in_the_published_volume(monkeypatch):
    """The untrained distance is a ball in the middle of the volume, which lies off the object's middle."""
    from backend.reconstruction.sparse_neus.volume_frame import PUBLISHED_FOV_DEG, place_volume
    from backend.rendering.cameras import orbit

    result, _ = run(monkeypatch, Draws(), 76, Path("here"))
    cameras = torch.stack([orbit(a, e, 1.2) for a, e in view_set(14)])
    frame, *_ = place_volume("published", cameras, PUBLISHED_FOV_DEG, SIZE, orbit(0, 14, 1.2))
    offset = result.mesh.vertices - frame[:3, 3].numpy()
    radius = np.linalg.norm(offset, axis=1) / frame[:3, 0].norm().item()
    assert radius.mean() == pytest.approx(0.25, abs=0.05)
    assert np.abs(offset.mean(0)).max() < 0.05
    assert np.abs(frame[:3, 3].numpy()).max() > 0.05  # so that a forgotten centre would be noticed
    assert result.mesh.volume > 0


def test_elevation_weights_are_found_in_the_store(monkeypatch, tmp_path):
    monkeypatch.setattr(elevation.store, "locate", lambda name: tmp_path if name == "one2345-elevation" else None)
    assert elevation.find_loftr() == tmp_path / "elevation_estimate/utils/weights/indoor_ds_new.ckpt"
