# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.cli.generate import read_inputs
from backend.interface.parameters import ParameterError
from backend.interface.tasks import DREAMFUSION, ONE2345


def test_image_engines_accept_a_prompt():
    assert read_inputs(DREAMFUSION, None, "a cat") == {"prompt": "a cat"}
    assert read_inputs(ONE2345, None, "a cat") == {"prompt": "a cat"}  # an image is made from it


@pytest.mark.parametrize(("task", "words"), [(DREAMFUSION, "needs --prompt"), (ONE2345, "needs --image, or --prompt")])
def test_a_missing_input_is_named_for_each_engine(task, words: str):
    with pytest.raises(ParameterError, match=words):
        read_inputs(task, None, None)
