# SPDX-License-Identifier: GPL-3.0-or-later
"""Training batches of the multi-view starter: sets of views with cameras, and single images without."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("embreex")
pytest.importorskip("igl")

from backend.diffusion.mvdream import camera_vectors
from backend.diffusion.sampling import make_scheduler
from backend.rendering.cameras import Camera, orbit
from backend.training.meshes import is_validation
from backend.training.mvdream import SINGLE, train_mvdream
from backend.training.text_to_image import make_tokenizer
from backend.training.views import SIZE, VIEWPOINTS, Views


class Pupil(nn.Module):
    """Takes down what it is asked, and learns one number."""

    def __init__(self):
        super().__init__()
        self.scale, self.asked = nn.Parameter(torch.zeros(())), []
        self.tokenizer, self.scheduler = make_tokenizer(["red", "chair", "a", "view"]), make_scheduler("v_prediction")
        self.words = nn.Embedding(len(self.tokenizer), 4)

    def text_encoder(self, tokens):
        return SimpleNamespace(last_hidden_state=self.words(tokens))

    def forward(self, noisy, t, embeddings, cameras=None):
        self.asked.append((noisy.shape, t, cameras))
        return self.scale * noisy


def test_sets_of_views_share_object_and_timestep_and_have_cameras(tmp_path):
    names = [name for name in (f"a-chair_{i}" for i in range(40)) if not is_validation(name)][:16]
    rng = np.random.default_rng(0)
    poses = np.zeros((16, 3, VIEWPOINTS, 3), np.float32)
    poses[..., 0] = 30 * np.arange(VIEWPOINTS) + rng.uniform(0, 360, (16, 1, 1))
    poses[..., 1] = rng.uniform(-30, 60, (16, 3, VIEWPOINTS))
    images = np.full((16, 3, VIEWPOINTS, SIZE, SIZE, 3), 200, np.uint8)
    views = Views(images, poses, np.ones(16, np.uint8), names)
    encoder = SimpleNamespace(
        config=SimpleNamespace(block_out_channels=(1,) * 4, latent_channels=2, scaling_factor=0.5),
        device=torch.device("cpu"),
        requires_grad_=lambda _: encoder,
        encode=lambda x: SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: torch.ones(len(x), 2, 8, 8))),
    )
    pupil = Pupil()
    train_mvdream(pupil, encoder, views, {}, tmp_path, steps=60, objects=2)  # pyright: ignore[reportArgumentType]
    known = {tuple(np.round(v, 4)): i for i in range(16) for v in told(poses[i, 0])}
    joint = [call for call in pupil.asked if call[2] is not None]
    assert len(joint) / 60 == pytest.approx(1 - SINGLE, abs=0.15)
    for shape, t, cameras in joint:
        assert shape == (8, 2, 8, 8) and cameras.shape == (2, 4, 16)
        assert (t.view(2, 4) == t.view(2, 4)[:, :1]).all()
        for four in cameras:
            assert len({known[tuple(np.round(v.numpy(), 4))] for v in four}) == 1  # of one object
    assert all(len(set(t.tolist())) > 2 for _, t, cameras in pupil.asked if cameras is None)


def told(poses):
    return camera_vectors([Camera(orbit(a, e, 1.2), 49.1, 8, 8) for a, e, _ in poses.tolist()]).numpy()
