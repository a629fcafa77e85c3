# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of seconds by stage: it knows every task and every stage that an engine announces."""

import ast
from itertools import product

import pytest

from backend.engines import MODULES
from backend.interface.presets import PRESETS, preset
from backend.interface.shipped_times import shipped_times
from backend.interface.stage_times import kind_of
from backend.interface.tasks import TASKS
from tests.support import ROOT


def times(task, device="cpu", is_warm=False, counts=None, **values):
    known = {p.name for p in task.parameters}
    values = {name: value for name, value in values.items() if name in known}
    return shipped_times(kind_of(task.name, vars(task.check(values)), is_warm, counts), device)


def announced(task) -> set[str]:
    """The stages in an engine's constants, and those that it reports by name."""
    tree = ast.parse((ROOT / "backend" / "engines" / f"{MODULES.get(task.name, task.name)}.py").read_text("utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
            found |= {ast.literal_eval(key) for key in node.value.keys if key and "STAGE" in target}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "update" and node.args:
            found |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_stage_of_every_task_is_in_the_table(task):
    variants = product(("off", "1024"), ("nothing", "mesh"), ("fast", "neus", "sds"))
    choices = {p.name: p.choices for p in task.parameters}
    known = set()
    for texture, start, method in variants:
        values = {"texture": texture, "start": start, "method": method}
        known |= set(times(task, remesh=True, **{n: v for n, v in values.items() if v in (choices.get(n) or ())}))
    assert announced(task) and announced(task) <= known, announced(task) - known


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("weights", ["starter", "published"])
def test_every_quality_takes_some_time_and_a_better_one_no_less(task, weights):
    whole = [sum(times(task, weights=weights, **preset(task, name) | {"minutes": 0.0}).values()) for name in PRESETS]
    assert whole[0] > 0 and whole == sorted(whole)


def test_what_is_loaded_is_not_loaded_again():
    from backend.interface.tasks import LRM

    cold, warm = times(LRM), times(LRM, is_warm=True)
    assert sum(warm.values()) < sum(cold.values()) and warm["Surface"] == cold["Surface"]


def test_a_graphics_card_shortens_what_networks_do_and_neither_loading_nor_minutes():
    from backend.interface.tasks import DREAMFUSION

    cpu, cuda = (times(DREAMFUSION, device) for device in ("cpu", "cuda"))
    assert (
        cuda["Optimising"] * 25 == pytest.approx(cpu["Optimising"])
        and cuda["Loading weights"] == cpu["Loading weights"]
    )
    assert times(DREAMFUSION, "cuda", minutes=3.0)["Optimising"] == 180


def test_a_prompt_or_a_fast_start_comes_first_and_adds_to_the_rest():
    from backend.interface.tasks import LRM, ZERO123_SDS

    drawn, plain = times(LRM, counts={"drawn": 1}), times(LRM)
    assert list(drawn)[1] == "Picture of a Prompt" and drawn.items() - plain.items() == {
        ("Picture of a Prompt", drawn["Picture of a Prompt"])
    }
    assert times(ZERO123_SDS, start="fast")["Start"] > times(ZERO123_SDS, start="mesh")["Start"]
