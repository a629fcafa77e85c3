# SPDX-License-Identifier: GPL-3.0-or-later
import ast

import pytest

from backend.interface.remarks import SENTENCES, add_warnings, remarks
from tests.support import ROOT

NO_SENTENCES = {  # facts that are numbers, names and lists, or that say what always happens
    "angles", "caption", "curves", "depth", "depth_source", "device", "elevation", "elevation_deg", "engine", "faces",
    "file", "fov_deg", "photos", "picture", "picture_camera", "poses", "prompt", "radius", "seconds", "seed", "stages",
    "start", "steps", "subject", "threshold", "turned_deg", "vertices", "weights", "views", "method",
}  # fmt: skip


def test_every_sentence_is_told_the_warning_first():
    facts = {"depth": 0.8, "elevation_deg": 20.0, "elevation": "estimated", "seconds": 3, "note": "D.", "warning": "A."}
    facts |= {"background": "B.", "stand_ins": "C."}
    assert remarks(facts) == ["A.", "B.", "C.", "D.", "Elevation 20°, estimated", "Depth 0.8 of the width"]
    assert remarks({"elevation_deg": 5}) == ["Elevation 5°, given"]
    assert remarks({"warning": "", "seconds": 1.0}) == []
    stages = [{"steps": 3}, {"note": "Started anew."}, "?"]
    assert remarks({"warning": "A.", "stages": stages}) == ["A.", "Started anew."]


def test_warnings_are_joined_each_once():
    assert add_warnings({"a": 1}, []) == {"a": 1}
    assert add_warnings({"warning": "C."}, ["A.", "B.", "A."]) == {"warning": "A. B. C."}
    facts = {"warning": "C."}
    add_warnings(facts, ["A."])
    assert facts == {"warning": "C."}


def test_no_engine_reports_a_sentence_that_nobody_is_told():
    """Every fact that an engine names is a sentence that is told, or known not to be one."""
    for file in sorted((ROOT / "backend" / "engines").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                keys = {k.value for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)}
                if keys & {*SENTENCES, "elevation_deg", "fov_deg"}:
                    assert keys <= {*SENTENCES, *NO_SENTENCES}, (file.name, keys)
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "facts":
                assert isinstance(node.slice, ast.Constant) and node.slice.value in {*SENTENCES, *NO_SENTENCES}


@pytest.mark.parametrize("broken", [{"elevation_deg": "?"}, {"depth": [1]}, {"warning": 3}])
def test_facts_of_somebody_else_are_told_as_they_are(broken):
    assert remarks(broken) == [str(*broken.values())]
