# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles name sets and tasks that exist, and say what the catalog says."""

import dataclasses

import pytest

from backend.interface import bundles, catalog, tasks
from backend.interface.bundles import BUNDLES, Bundle
from backend.interface.parameters import ParameterError

each = pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.id)


@each
def test_a_bundle_holds_its_chosen_set_and_all_that_it_requires(bundle):
    known = {weights.id: weights for weights in catalog.WEIGHTS}
    required = {bundle.chosen, *known[bundle.chosen].requires}
    assert {weights.id for weights in bundle.sets} == required and bundle.sets[0] == known[bundle.chosen]
    assert bundle.size == sum(known[identity].size for identity in required) > 0
    assert all(known[identity].repository and not known[identity].gated for identity in required)


@each
def test_its_tasks_offer_the_chosen_set_and_use_built_in_weights_until_then(bundle):
    for name in bundle.tasks:
        task = tasks.task(name)
        assert bundle.sets[0].part in task.parts
        assert catalog.weights(task.parameter("weights").default).repository == ""


@each
def test_its_texts_are_plain_lines(bundle):
    for text in (bundle.title, bundle.gain):
        assert text and "\n" not in text and not text.endswith(".")
    assert len(bundle.gain) <= 70 and bundle.licence
    assert bundles.bundle(bundle.id) is bundle


def test_the_three_that_artists_ask_for_are_there():
    facts = [(b.chosen, b.tasks, b.commercial_use, b.licence) for b in BUNDLES]
    assert facts == [
        ("triposr", ("lrm",), "yes", "MIT"),
        ("rembg-isnet", (), "yes", "Apache-2.0"),
        ("stable-diffusion-1-5", ("text_to_image",), "with conditions", "CreativeML Open RAIL-M"),
    ]


@pytest.mark.parametrize(
    ("uses", "strictest"),
    [
        (["yes", "unclear"], "unclear"),
        (["with conditions", "yes"], "with conditions"),
        (["no", "unclear"], "no"),
        (["unclear", "with conditions"], "unclear"),
    ],
)
def test_the_strictest_terms_count_and_each_licence_is_named_once(uses, strictest, monkeypatch):
    first = dataclasses.replace(catalog.weights("triposr"), id="a", commercial_use=uses[0], requires=("b",))
    second = dataclasses.replace(first, id="b", commercial_use=uses[1], requires=())
    monkeypatch.setattr(catalog, "WEIGHTS", (first, second))
    bundle = Bundle("x", "X", "Y", "a")
    assert (bundle.commercial_use, bundle.licence) == (strictest, "MIT")
    assert bundle.size == 2 * 1_677_000_000
    assert set(bundles.TERMS) == {"yes", "no", "with conditions", "unclear"}


def test_unknown_ids_are_refused():
    with pytest.raises(ParameterError, match="triposr"):
        bundles.with_required("tripsr")
    with pytest.raises(ValueError, match="no bundle"):
        bundles.bundle("meshs")
