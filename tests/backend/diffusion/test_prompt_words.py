# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a prompt that a model cannot use, by the built-in vocabulary and by small ones of both other kinds."""

import pytest
from transformers import CLIPTokenizer, T5Tokenizer

from backend.diffusion.prompt_words import unused_words, whole_words
from backend.training.text_to_image import COLORS
from backend.weights.store.store import STARTER_TEXT
from tests.support.small_networks import clip_tokenizer

pytestmark = pytest.mark.skipif(not (STARTER_TEXT / "tokenizer").is_dir(), reason="the built-in weights are missing")
THINGS = (  # as the model card lists them
    "alien, barrel, bed, book, box, bush, cactus, car, chair, character, coin, column, door, fence, gravestone, gun, "
    "house, plant, planet, potion, rock, shelf, shield, sign, sofa, spaceship, stairs, sword, table, tower, tree, "
    "window"
)


@pytest.fixture(scope="module")
def starter() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(STARTER_TEXT / "tokenizer")


def test_the_built_in_words_are_those_of_the_model_card(starter):
    sides = {"front", "side", "back", "overhead", "view"}
    assert whole_words(starter) - {"an"} == {*THINGS.split(", "), *COLORS, *sides, *starter.get_added_vocab()}


@pytest.mark.parametrize("prompt", ["a red car", "A Red CAR.", "a red car, side view", "an orange-pink sofa", "  "])
def test_known_words_need_no_remark(starter, prompt):
    assert unused_words(starter, [prompt], 16) == []


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a red dragon", "dragon"),
        ("wood wood Chair, oak", "wood, oak"),
        ("赤い車", "赤い車"),
        ("ein rotes Auto", "ein, rotes, Auto"),
        ("a red 🚗", "🚗"),
        ("a \u0301 car", "\u0301"),
    ],
)
def test_words_that_the_built_in_model_never_learnt_are_named(starter, prompt, words):
    (said,) = unused_words(starter, [prompt], 16)
    assert said.startswith(f"The built-in model does not know: {words}. ")


def test_many_words_are_counted(starter):
    said = unused_words(starter, [" ".join(f"q{letter}" for letter in "abcdefghijk")], 99)
    assert "qa, qb, qc, qd, qe, qf, qg, qh and 3 more." in said[0] and len(said) == 1


@pytest.mark.parametrize(
    ("count", "lost"), [(14, ""), (15, "blue"), (17, "red red blue")]
)  # of 16 tokens, two begin and end
def test_words_beyond_the_models_length_are_quoted(starter, count, lost):
    prompt = " ".join(["red"] * (count - 1) + ["blue"])
    expected = [f'The prompt is longer than the 16 tokens that the model reads. It does not see: "{lost}"']
    assert unused_words(starter, [prompt], 16) == (expected if lost else [])


def test_a_word_that_is_cut_in_two_is_quoted_whole():
    tokenizer = clip_tokenizer()  # each letter is a token
    (said,) = unused_words(tokenizer, ["a cup of tea"], 7)  # a c u p o are read
    assert said.endswith('It does not see: "of tea"')


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("a red car", ""), ("un café à Zürich", ""), ("красный car", "красный"), ("赤い 車, red", "赤い, 車")],
)
def test_other_scripts_are_named_for_models_of_english(prompt, words):
    said = unused_words(clip_tokenizer(), [prompt], 99)
    assert said == ([f"The model reads English. It hardly understands: {words}."] if words else [])


def test_words_without_any_sign_of_their_own_are_named():
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -2.0), *((x, -3.0) for x in "abcder")]
    said = unused_words(T5Tokenizer(pieces), ["a red 🚗 bed", "a red bed"], 77)
    assert said == ["The model reads English. It hardly understands: 🚗."]
