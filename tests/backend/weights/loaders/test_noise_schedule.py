# SPDX-License-Identifier: GPL-3.0-or-later
"""A model's noise schedule is read as it is written, or refused; nothing takes its place."""

import json

import numpy as np
import pytest
from diffusers import DDIMScheduler

from backend.interface.catalog import WeightsError
from backend.weights.loaders.noise_schedule import read_schedule

NAMES = ["num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type"]
PUBLISHED = {  # Stable Diffusion's
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}


def read(folder, config, predictions=("epsilon", "v_prediction")):
    (folder / "scheduler").mkdir(exist_ok=True)
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "scheduler" / "scheduler_config.json").write_text(text)
    return read_schedule(folder, DDIMScheduler, NAMES, predictions, "Do this.")


def test_the_schedule_is_that_of_the_file(tmp_path):
    """Rombach et al.: the square roots of beta lie on a line."""
    scheduler = read(tmp_path, PUBLISHED | {"prediction_type": "v_prediction"})
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    np.testing.assert_allclose(scheduler.alphas_cumprod.numpy(), np.cumprod(1 - betas), rtol=1e-4)
    assert scheduler.config.prediction_type == "v_prediction"
    assert read(tmp_path, PUBLISHED).config.prediction_type == "epsilon"  # as the first published files mean it
    listed = {"trained_betas": [0.001, *np.linspace(0.01, 0.9, 99)], "num_train_timesteps": 100}
    assert read(tmp_path, listed).alphas_cumprod[0] == pytest.approx(0.999)


FAULTS = {
    "lacks num_train_timesteps, beta_schedule": {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0},
    "lacks beta_start": {k: v for k, v in PUBLISHED.items() if k != "beta_start"},
    "lacks beta_schedule": {k: v for k, v in PUBLISHED.items() if k != "beta_schedule"},
    "lacks beta_end": PUBLISHED | {"beta_end": None},
    "predicts sample": PUBLISHED | {"prediction_type": "sample"},
    "predicts flow": PUBLISHED | {"prediction_type": "flow"},
    "1000.0 training steps": PUBLISHED | {"num_train_timesteps": 1000.0},
    "9 training steps": PUBLISHED | {"num_train_timesteps": 9},
    "True training steps": PUBLISHED | {"num_train_timesteps": True},
    "from a picture to noise": PUBLISHED | {"beta_start": 0.0, "beta_end": 0.0},
    "NaN or negative": PUBLISHED | {"beta_start": 0.0, "beta_end": 400.0},
    "unknown noise schedule": PUBLISHED | {"beta_schedule": "cosine of mine"},
    "damaged": "{" * 9,
    "git lfs pull": "version https://git-lfs.github.com/spec/v1\n",
    "lacks its part scheduler": {},
}


@pytest.mark.parametrize("words", FAULTS)
def test_a_schedule_with_a_fault_is_refused(words, tmp_path):
    with pytest.raises(WeightsError, match=words) as caught:
        read(tmp_path, FAULTS[words])
    assert caught.value.remedy == "Do this." and "scheduler" in str(caught.value)


def test_a_schedule_that_is_missing_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks its part scheduler: there is no scheduler/scheduler_config\.json"):
        read_schedule(tmp_path, DDIMScheduler, NAMES, ("epsilon",), "Do this.")
