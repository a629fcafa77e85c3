# SPDX-License-Identifier: GPL-3.0-or-later
"""One model stays, and never two at once."""

import gc
import weakref

from backend.runtime.model_cache import ModelCache, drop_models


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

    cache = ModelCache(load)
    assert cache("a", "cpu") is cache("a", "cpu") and ("a", "cpu") in cache
    cache("a", device="cuda")
    assert ("a", "cpu") not in cache
    cache("a", "cpu")
    assert made == [("a", "cpu"), ("a", "cuda"), ("a", "cpu")] and len(alive) == 1
    cache.drop()
    gc.collect()
    assert not alive and ("a", "cpu") not in cache


def test_a_model_is_asked_for_with_a_report_that_is_no_part_of_its_key():
    told: list[str] = []

    def load(name: str, report=lambda text: None) -> Model:
        report(name)
        return Model()

    cache = ModelCache(load)
    first = cache.reporting(told.append, "a")
    assert cache.reporting(print, "a") is first is cache("a") and told == ["a"]
    assert cache.reporting(told.append, "b") is not first and told == ["a", "b"] and ("a",) not in cache


def test_nothing_is_kept_of_a_model_that_did_not_load():
    broken = [True]

    def load(name: str) -> str:
        if broken:
            raise ValueError(broken.pop())
        return name.upper()

    cache = ModelCache(load)
    try:
        cache("a")
    except ValueError:
        assert ("a",) not in cache
    assert cache("a") == "A"


def test_all_caches_are_dropped_at_once():
    caches = [ModelCache(lambda name, extra=extra: name + extra) for extra in "bc"]
    assert [cache("a") for cache in caches] == ["ab", "ac"] and all(("a",) in cache for cache in caches)
    drop_models()
    assert not any(("a",) in cache for cache in caches)
