# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions of the text starter's training images."""

import json

import numpy as np
import pytest

pytest.importorskip("embreex")
pytest.importorskip("igl")

from backend.training.text_to_image import (
    COLORS,
    Recolored,
    color_name,
    describe_objects,
    draw_prompt,
    main_color,
    make_tokenizer,
    noun,
    read_names,
)
from backend.training.views import PLAIN, SIZE, VIEWPOINTS, Views


@pytest.mark.parametrize(
    "name, expected",
    [
        ("SimpleCarHigh", "car"),
        ("common_tree_3", "tree"),
        ("table_lamp", "lamp"),
        ("chr_zombie3", "character"),
        ("kitchenCabinet", None),
        ("cargo", None),
        ("Oscar", None),
    ],
)
def test_nouns_are_whole_words_of_mesh_names(name, expected):
    assert noun(name) == expected


@pytest.mark.parametrize(
    "rgb, name",
    [
        ((220, 30, 20), "red"),
        ((250, 140, 20), "orange"),
        ((240, 220, 40), "yellow"),
        ((40, 160, 60), "green"),
        ((30, 90, 220), "blue"),
        ((130, 60, 200), "purple"),
        ((240, 110, 180), "pink"),
        ((110, 70, 40), "brown"),
        ((10, 12, 10), "black"),
        ((128, 130, 126), "grey"),
        ((240, 242, 240), "white"),
    ],
)
def test_colours_are_named_by_their_nearest_plain_name(rgb, name):
    assert color_name(np.array(rgb)) == name and name in COLORS


def test_the_main_colour_is_chromatic_if_a_third_is():
    picture = np.full((1, 12, 12, 3), 255, np.uint8)
    picture[0, :6, :10] = (120, 120, 120)
    assert main_color(picture) == "grey"
    picture[0, :2, :10] = (30, 90, 220)
    assert main_color(picture) == "blue"
    picture[0, :1, :10] = (120, 120, 120)
    assert main_color(picture) == "grey"
    assert main_color(np.full((1, 4, 4, 3), 255, np.uint8)) == "white"


def colored_views(colors) -> Views:
    """Objects of one colour in the middle of white pictures."""
    images = np.full((len(colors), 3, VIEWPOINTS, SIZE, SIZE, 3), 255, np.uint8)
    images[:, :, :, 16:48, 16:48] = np.array(colors, np.uint8)[:, None, None, None, None]
    names = ["a-chair_1", "a-chair_2", "a-unknown", "a-table_1"]
    return Views(images, np.zeros((len(colors), 3, VIEWPOINTS, 3), np.float32), np.ones(len(colors), np.uint8), names)


def test_descriptions_follow_the_channel_permutations():
    """Red becomes blue when each channel shows the next one, then green; nouns of too few objects are left out."""
    views = colored_views([(200, 30, 20)] * 4)
    turned = Recolored(views)[np.array([0, 0]), np.array([0, 1]), np.array([0, 5])]
    assert turned[:, 20, 20].tolist() == [[200, 30, 20], [30, 20, 200]]
    assert (turned[0] == views.images[0, PLAIN, 0]).all()
    described = describe_objects(views, {}, least=2)
    chairs = [i for i in views.select(validation=False) if i < 2]
    assert list(described) == (chairs if len(chairs) == 2 else [])
    assert all(words == ["red chair", "blue chair", "green chair"] for words in described.values())


def test_prompts_name_side_and_colour_as_often_as_planned():
    rng = np.random.default_rng(0)
    prompts = [draw_prompt("orange car", 180, 0, rng) for _ in range(4000)]
    assert set(prompts) == {"", "a car", "a car, back view", "an orange car", "an orange car, back view"}
    shares = {prompt: prompts.count(prompt) / 4000 for prompt in set(prompts)}
    assert shares[""] == pytest.approx(0.1, abs=0.02)
    assert shares["an orange car, back view"] == pytest.approx(0.9 * 0.75 * 0.85, abs=0.03)
    assert shares["a car"] == pytest.approx(0.9 * 0.25 * 0.15, abs=0.02)


def test_every_word_of_the_prompts_is_one_token(tmp_path):
    words = ["red", "car", "cart", "a", "view", ",", "overhead"]
    tokenizer = make_tokenizer(words)
    tokens = tokenizer.tokenize("a red cart, overhead view")
    assert [token.removesuffix("</w>") for token in tokens] == ["a", "red", "cart", ",", "overhead", "view"]
    ids = tokenizer("Strange wörds, a car").input_ids
    assert ids[0] == tokenizer.bos_token_id and ids[-1] == tokenizer.eos_token_id
    assert tokenizer.eos_token_id not in ids[1:-1], "letters make up every other word"
    tokenizer.save_pretrained(tmp_path)
    again = type(tokenizer).from_pretrained(tmp_path)
    assert again("a red car").input_ids == tokenizer("a red car").input_ids


def test_mesh_names_are_read_from_the_index(tmp_path):
    assert read_names(tmp_path) == {}
    (tmp_path / "index.json").write_text(json.dumps([{"id": "x", "name": "SimpleCar"}, {"id": "y"}]))
    assert read_names(tmp_path) == {"x": "SimpleCar", "y": "y"}
