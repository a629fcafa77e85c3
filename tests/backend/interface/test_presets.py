# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of every engine keep to its declaration."""

import pytest

from backend.interface.parameters import ParameterError
from backend.interface.presets import PRESETS, preset
from backend.interface.tasks import MESH_TASKS


@pytest.mark.parametrize("task", MESH_TASKS, ids=lambda task: task.name)
def test_presets_stay_in_range_and_go_from_coarse_to_fine(task):
    fast, balanced, best = (task.check(preset(task, name)) for name in PRESETS)
    assert balanced == task.check({})
    finest = task.parameter("mesh_resolution").maximum
    assert fast.mesh_resolution < balanced.mesh_resolution <= best.mesh_resolution <= finest
    assert best.mesh_resolution == min(4 * fast.mesh_resolution, finest)
    assert {"weights", "device"}.isdisjoint(preset(task, "best"))


def test_an_unknown_preset_is_refused_with_the_nearest_name():
    with pytest.raises(ParameterError, match="did you mean 'best'"):
        preset(MESH_TASKS[0], "bets")
