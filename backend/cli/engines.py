# SPDX-License-Identifier: GPL-3.0-or-later
"""The command engines: the engines, their parameters, and whether they can run here."""

from __future__ import annotations

from typing import Any

from ..interface.task import Task
from ..interface.tasks import MESH_TASKS
from ..process.availability import engine_states
from . import console
from .options import Json


def engines(as_json: Json = False) -> None:
    """List the engines, their parameters, and whether they can run here."""
    states = {state["name"]: state for state in engine_states()}
    listed = [describe(task) | states[task.name] for task in MESH_TASKS]
    console.answer(as_json, {"engines": listed}, "\n\n".join(map(as_text, listed)))


def describe(task: Task[Any]) -> dict[str, Any]:
    """A task's declaration, for programs."""
    fields = ("name", "title", "help", "inputs", "weights", "parts", "produces", "offers", "optimises")
    listed = {name: getattr(task, name) for name in fields} | {"is_seeded": task.check({}).is_seeded}
    return listed | {"parameters": [vars(p) for p in task.parameters]}


def as_text(listed: dict[str, Any]) -> str:
    """An engine and its parameters, for people."""
    state = "" if listed["can_run"] else f"\n  cannot run: {', '.join(listed['missing'])} missing. {listed['remedy']}"
    lines = [f"{listed['name']}: {listed['title']}. {listed['help']}.{state}"]
    for p in listed["parameters"]:
        span = "" if p["minimum"] is None else f", {p['minimum']:g} to {p['maximum']:g} {p['unit']}".rstrip()
        choices = f", one of {' '.join(p['choices'])}" if p["choices"] else ""
        lines.append(f"  {p['name']} = {p['default']}  ({p['kind']}{span}{choices}) {p['help']}")
    return "\n".join(lines)
