# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
import json
from random import Random

import pytest
from image_to_mesh_checkout.addon.base import provenance

from tests.fuzzing.mutations import dump, mutate_json

RECORD = {
    "engine": "lrm",
    "parameters": {"depth": 0.5},
    "seed": 3,
    "input": "Apple",
    "inputs": {"prompt": "a red apple", "selection": {"box": [0, 0, 1, 1]}},
    "job": "a-1",
    "report": {"seconds": 1.5},
    "frame": [[1.0, 0.0], [0.0, 1.0]],
}


def test_a_record_comes_back():
    assert provenance.read(json.dumps(RECORD)) == RECORD


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("engine", ["lrm"]),
        ("parameters", [1]),
        ("parameters", None),
        ("seed", "3"),
        ("seed", True),
        ("seed", 1e308),
        ("seed", [1]),
        ("input", 3),
        ("inputs", "prompt"),
        ("job", {}),
        ("report", 3),
    ],
)
def test_an_entry_of_another_kind_is_left_out_and_with_it_the_engine(key, value):
    found = provenance.read(json.dumps(RECORD | {key: value}))
    assert found == {name: known for name, known in RECORD.items() if name not in (key, "engine")}


@pytest.mark.parametrize("text", ["", "null", "[]", "3", "{", '{"a":' + "[" * 100_000, "\ud800", "NaN"])
def test_what_is_no_record_is_an_empty_one(text):
    assert provenance.read(text) == {}


def test_texts_can_be_shown():
    text = r'{"input": "a\ud800b", "inputs": {"prompt": ["a"], "batch": {}, "variations": "c"}}'
    assert provenance.read(text) == {"input": "a?b", "inputs": {"variations": "c"}}


def test_whatever_a_file_holds_there_is_a_record_of_the_right_kinds():
    rng = Random(0)
    for _ in range(500):
        text = dump(rng, mutate_json(rng, RECORD)).decode("utf-8", "replace")
        for key, value in provenance.read(text).items():
            assert type(value) is provenance.KINDS.get(key, type(value))
