# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.cli.generate import read_inputs
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION, ONE2345


def test_a_prompt_serves_engines_that_take_an_image_too():
    assert read_inputs(DREAMFUSION, None, "a cat") == {"prompt": "a cat"}
    assert read_inputs(ONE2345, None, "a cat") == {"prompt": "a cat"}  # an image is made from it


@pytest.mark.parametrize(("task", "words"), [(DREAMFUSION, "needs --prompt"), (ONE2345, "needs --image, or --prompt")])
def test_asks_for_what_the_engine_takes(task, words: str):
    with pytest.raises(ParameterError, match=words):
        read_inputs(task, None, None)
