# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets of every engine keep to its declaration."""

import pytest

from backend.interface.parameters import ParameterError
from backend.interface.presets import PRESETS, preset
from backend.interface.tasks import ENGINES


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_presets_stay_in_range_and_go_from_coarse_to_fine(engine):
    fast, balanced, best = (engine.check(preset(engine, name)) for name in PRESETS)
    assert balanced == engine.check({})
    finest = engine.parameter("mesh_resolution").maximum
    assert fast["mesh_resolution"] < balanced["mesh_resolution"] <= best["mesh_resolution"] <= finest
    assert best["mesh_resolution"] == min(4 * fast["mesh_resolution"], finest)
    assert {p.name for p in engine.parameters if p.name in ("weights", "device")}.isdisjoint(preset(engine, "best"))


def test_an_unknown_preset_is_named_with_its_neighbour():
    with pytest.raises(ParameterError, match="did you mean 'best'"):
        preset(ENGINES[0], "bets")
