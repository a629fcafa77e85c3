# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers and transformers annotate their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
"""MVDream's camera conditioning; the starter as a multi-view model: as a prior, and as views in a folder."""

import math

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from backend.diffusion.mvdream import MultiViewPrior, camera_vectors
from backend.engines import views_from_text
from backend.interface.parameters import ParameterError
from backend.interface.tasks import VIEWS_FROM_TEXT
from backend.preprocess.views.folder import check_folder, read_views, write_views
from backend.rendering.cameras import Camera, orbit, turntable
from backend.runtime.progress import Progress
from backend.weights.loaders.mvdream import load_multi_view
from tests.support import DATA

KNOWN = DATA / "mvdream.npz"


def vector(azimuth_deg, elevation_deg):
    """MVDream's, written once more: built with Y up, then (x, y, z) -> (x, -z, y) to Z up."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    back = np.array([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    right = np.cross([0, 1, 0], back) / math.cos(e)
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(back, right), back, back], 1)
    return (np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]) @ matrix).reshape(16)


def test_camera_vectors_equal_the_published_ones():
    """The fixture's own, from the published code: azimuths 0, 90, 180, 270 at 15 degrees; then any, from any distance;
    and our front is where MVDream sees one, from its azimuth 90."""
    with np.load(KNOWN) as stored:
        known = torch.from_numpy(stored["camera"][:4])
    torch.testing.assert_close(camera_vectors(turntable(4, 15, 2.3, 40, 8), front_deg=0), known, atol=1e-6, rtol=0)
    torch.testing.assert_close(camera_vectors(turntable(4, 15, 2.3, 40, 8)), known.roll(-1, 0), atol=1e-6, rtol=0)
    camera = Camera(orbit(20, 15, 2.3), 40, 8, 8)
    camera_vectors([camera])  # the released code normalises the positions of the cameras that it is given
    assert float(camera.position.norm()) == pytest.approx(2.3)
    angles = np.random.default_rng(0).uniform((-360, -80), (360, 80), (50, 2))
    for front in (0, 90):
        told = camera_vectors([Camera(orbit(a, e, 0.7), 40, 8, 8) for a, e in angles], front_deg=front)
        expected = np.stack([vector(a + front, e) for a, e in angles])
        np.testing.assert_allclose(told, expected, atol=2e-6)


@pytest.fixture(scope="module")
def model():
    return load_multi_view("starter-text", torch.device("cpu"), torch.float32)


def test_the_prior_conditions_each_set_on_its_cameras(model):
    """Two sets at once, against the network asked one set and one prompt at a time."""
    cameras = [Camera(orbit(start + 90 * i, 10, 1.2), 49.1, 64, 64) for start in (0, 30) for i in range(4)]
    noisy, t = torch.randn(8, 8, 8, 8, generator=torch.Generator().manual_seed(0)), torch.full((8,), 500)
    told, empty = model.embed(["a red car", "ugly"]).split(1)
    encoder = model.text_encoder
    found = MultiViewPrior(model, "a red car", "ugly").denoise(noisy, t, cameras)
    model.text_encoder = encoder
    assert found.unconditional is not None
    for half in (slice(0, 4), slice(4, 8)):
        for text, clean in ((told, found.conditional), (empty, found.unconditional)):
            vectors = camera_vectors(cameras[half])[None]
            output = model.predict(noisy[half], t[half], text.expand(4, -1, -1), vectors)
            expected = model.clean(noisy[half], t[half], output)
            torch.testing.assert_close(clean[half], expected, atol=1e-4, rtol=1e-4)


def test_views_are_sampled_as_diffusers_samples(model):
    """Three steps of DDIM with guidance, written out; views differ from those that know nothing of each other."""
    cameras, prompt = turntable(4, 15, 1.2, 49.1, 64), "a blue house"
    found = model.sample_views(prompt, "a tree", cameras, 3, 2.5, torch.Generator().manual_seed(5))
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(3)
    told = model.embed([prompt]).expand(4, -1, -1), model.embed(["a tree"]).expand(4, -1, -1)
    alone = latents = torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(5))
    for t in scheduler.timesteps:
        outputs = [model.predict(latents, t.expand(4), e, camera_vectors(cameras)[None]) for e in told]
        latents = scheduler.step(outputs[1] + 2.5 * (outputs[0] - outputs[1]), t, latents).prev_sample
        outputs = [model.predict(alone, t.expand(4), e) for e in told]
        alone = scheduler.step(outputs[1] + 2.5 * (outputs[0] - outputs[1]), t, alone).prev_sample
    with torch.no_grad():
        torch.testing.assert_close(found, model.decode(latents).clamp(0, 1), atol=1e-4, rtol=1e-4)
        assert (found - model.decode(alone).clamp(0, 1)).abs().mean() > 1e-3


def test_views_go_to_a_folder_and_come_back(tmp_path):
    values = VIEWS_FROM_TEXT.check({"device": "cpu", "steps": 2, "views": 5, "elevation_deg": 20})
    images, cameras = views_from_text.generate("a red car", values, Progress(), 0)
    views_from_text.load.drop()
    views = np.concatenate([images.permute(0, 2, 3, 1).numpy(), np.ones((5, 64, 64, 1), np.float32)], -1)
    assert views.shape == (5, 64, 64, 4) and len(cameras) == 5
    write_views(tmp_path / "new", views, cameras)
    found = read_views(tmp_path / "new")
    np.testing.assert_allclose(found.images, views, atol=0.51 / 255)
    for ours, theirs in zip(cameras, found.cameras, strict=True):
        np.testing.assert_allclose(theirs.cam_to_world, ours.cam_to_world, atol=1e-6)
        assert theirs.lens.fl_x == theirs.lens.fl_y == pytest.approx(ours.focal) and theirs.lens.width == 64
    with pytest.raises(ParameterError, match="is not empty"):
        check_folder(tmp_path / "new")
