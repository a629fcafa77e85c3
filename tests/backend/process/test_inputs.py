# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.interface.common_parameters import check_prompt
from backend.interface.errors import ImageError
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION, LRM, TEXT_TO_IMAGE
from backend.process.inputs import read_inputs


def keep(name: str, data: bytes) -> None:
    raise AssertionError("nothing was sent")


def test_a_prompt_is_read_from_the_request():
    assert read_inputs(DREAMFUSION, {"prompt": "  a cat "}, {}, keep) == {"prompt": "a cat"}


@pytest.mark.parametrize("named", [None, {}, [], {"prompt": 3}, {"prompt": None}, {"prompt": ""}, {"prompt": "  "}])
def test_a_request_without_a_prompt_is_refused(named):
    with pytest.raises(ParameterError, match="no prompt"):
        read_inputs(DREAMFUSION, named, {}, keep)


@pytest.mark.parametrize("prompt", ["x" * 5000, "a\0b"])
def test_a_prompt_is_a_text_of_limited_length(prompt: str):
    with pytest.raises(ParameterError, match=r"Prompt .* at most 4096 characters"):
        check_prompt(prompt)


def test_an_engine_that_takes_an_image_gets_a_prompt_and_how_to_draw_it():
    given = read_inputs(LRM, {"prompt": "a cat", "picture": {"steps": 3}}, {}, keep)
    assert given == {"prompt": "a cat", "picture": TEXT_TO_IMAGE.check({"steps": 3})}


@pytest.mark.parametrize("named", [None, {}, {"image": "attachment"}, {"image": 3}])
def test_a_request_without_an_image_or_a_prompt_is_refused(named):
    with pytest.raises(ImageError, match="No image"):
        read_inputs(LRM, named, {}, keep)
