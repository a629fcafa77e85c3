# SPDX-License-Identifier: GPL-3.0-or-later
# diffusers annotates its schedulers loosely.
# pyright: reportArgumentType=false
"""Reads the noise schedule that a diffusion model was trained with. Without it, sampling would give noise: nothing is
assumed in the place of a setting that is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...interface.catalog import WeightsError
from ...interface.errors import one_line
from ..formats.transformers_folder import require_config

MOST_TIMESTEPS = 10_000
PART, NAME = "scheduler", "scheduler_config.json"
LEAST_SIGNAL, MOST_SIGNAL = 0.5, 0.1  # squared shares of the picture at the first timestep and at the last


def read_schedule(
    folder: Path, kind: Any, settings: Sequence[str], predictions: Sequence[str], remedy: str, **defaults: Any
) -> Any:
    """A scheduler of the class `kind` with the `settings` of a folder's scheduler. Raises WeightsError.

    predictions: the types of prediction that the model may have, the first where the config names none. defaults: for
    settings that the config lacks.
    """
    config = require_config(folder, PART, remedy, NAME)
    chosen = defaults | {name: config[name] for name in settings if name in config}
    chosen.setdefault("prediction_type", predictions[0])
    try:
        check_settings(chosen, predictions)
        scheduler = kind(**chosen)
        signal = scheduler.alphas_cumprod
        if not (signal.isfinite() & (signal >= 0)).all():
            raise ValueError("it contains NaN or negative values")
        if signal[0] < LEAST_SIGNAL or signal[-1] > MOST_SIGNAL:
            raise ValueError("it does not lead from a picture to noise")
        return scheduler
    except Exception as error:  # diffusers raises many kinds for invalid configs
        raise WeightsError(f"{folder} has an unknown noise schedule ({PART}): {one_line(error)}.", remedy) from error


def check_settings(settings: dict[str, Any], predictions: Sequence[str]) -> None:
    """ValueError where a setting that defines the schedule is missing, or one is of no model that we know."""
    is_listed, is_line = settings.get("trained_betas") is not None, "linear" in str(settings.get("beta_schedule"))
    needed = [] if is_listed else ["num_train_timesteps", "beta_schedule"]
    needed += ["beta_start", "beta_end"] if is_line and not is_listed else []
    if lacking := [name for name in needed if settings.get(name) is None]:
        raise ValueError(f"{NAME} lacks {', '.join(lacking)}")
    steps = settings.get("num_train_timesteps", MOST_TIMESTEPS)
    if type(steps) is not int or not 10 <= steps <= MOST_TIMESTEPS:
        raise ValueError(f"{steps} training steps")
    if settings["prediction_type"] not in predictions:
        raise ValueError(f"it predicts {settings['prediction_type']}, not {' or '.join(predictions)}")
