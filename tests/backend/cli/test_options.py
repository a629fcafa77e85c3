# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

from backend.cli.options import file_defaults, read_settings
from backend.interface.parameters import ParameterError
from backend.interface.tasks import LRM


@pytest.mark.parametrize(
    ("name", "settings", "texture"),
    [
        ("a.ply", [], "off"),
        ("a.STL", [], "off"),
        ("a.glb", [], "1024"),
        ("a.obj", [], "1024"),
        ("a.ply", ["texture=512"], "512"),
    ],
)
def test_no_texture_is_baked_for_a_file_that_holds_none_unless_it_is_asked_for(name, settings, texture):
    assert LRM.check(file_defaults(Path(name)) | read_settings(settings)).texture == texture


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(ParameterError, match="NAME=VALUE, not 'texture'"):
        read_settings(["texture"])
