# SPDX-License-Identifier: GPL-3.0-or-later
"""One model stays, and never two at once."""

import gc
import weakref

from backend.runtime.model_cache import Kept


class Model:
    pass


def test_the_last_model_stays_until_another_is_asked_for():
    made: list[tuple] = []
    alive: weakref.WeakSet[Model] = weakref.WeakSet()

    def load(name: str, device: str) -> Model:
        gc.collect()
        assert not alive  # the one before is gone by now
        made.append((name, device))
        model = Model()
        alive.add(model)
        return model

    kept = Kept(load)
    assert kept("a", "cpu") is kept("a", "cpu") and ("a", "cpu") in kept
    kept("a", device="cuda")
    assert ("a", "cpu") not in kept
    kept("a", "cpu")
    assert made == [("a", "cpu"), ("a", "cuda"), ("a", "cpu")] and len(alive) == 1
    kept.drop()
    gc.collect()
    assert not alive and ("a", "cpu") not in kept


def test_nothing_is_kept_of_a_model_that_did_not_load():
    broken = [True]

    def load(name: str) -> str:
        if broken:
            raise ValueError(broken.pop())
        return name.upper()

    kept = Kept(load)
    try:
        kept("a")
    except ValueError:
        assert ("a",) not in kept
    assert kept("a") == "A"
