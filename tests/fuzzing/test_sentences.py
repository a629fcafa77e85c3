# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from backend.interface.errors import one_line


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("one.\n two\t three."), "one. two three"),
        (KeyError(), "KeyError"),
        (ValueError("\0\x1b[31m bad"), "??[31m bad"),
        (ValueError("a" * 999), "a" * 200),
        (ValueError("größe 画像"), "größe 画像"),
        (ValueError("\ud800"), "?"),
    ],
)
def test_an_error_becomes_a_line_that_can_be_shown(error, text):
    assert one_line(error) == text
