# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/security.md names tests that exist, for every wall."""

import ast
import re

import pytest

from tests.support import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", PAGE)))
ROWS = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| **")]


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_holds_a_wall_exists(path, name):
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_wall_has_a_test():
    assert len(ROWS) >= 12
    for subject, trusted, walls, tests in ROWS:
        assert "::" in tests or (trusted.strip() == "yes" and walls.strip().startswith("None:")), subject
