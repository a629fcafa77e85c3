# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights: what the backend's command line does with them, as tasks. No bpy."""

from __future__ import annotations

import json

from ...backend.interface import catalog, protocol
from ...backend.interface.installer import packages
from ..base.trouble import Trouble
from . import environment

AGAIN = "Download again to go on from here"
VERBS = {"download": "Downloading", "verify": "Checking", "convert": "Converting", "remove": "Removing"}


def begin(wanted: environment.Chosen, verb: str, identity: str, *options: str) -> None:
    """Start a task: download, verify, convert or remove a set. Jobs may run meanwhile, unless it is removed."""
    title = f"{VERBS[verb]} {catalog.weights(identity).title}"

    def work(task: environment.Task) -> None:
        run(wanted, task.stopped, task.say, verb, identity, *options, *(["--follow"] if verb != "remove" else []))
        task.say(f"{title}: done", 1.0)

    environment.begin(title, work, exclusive=verb == "remove")


def run(wanted: environment.Chosen, stopped: packages.Stopped, say: environment.Say, *arguments: str) -> dict:
    """Run `models ...` in the backend's environment and return its answer. May run in a thread. Raises Trouble."""
    python, root = environment.ready_backend(wanted)
    command = protocol.command(python, root, "models", *arguments, "--json")
    answer, words = {}, ""
    try:
        for line in packages.follow(command, stopped, environment.environment_of(wanted)):
            message = parse(line)
            if "ok" in message:
                answer = message
            elif progress := message.get("progress"):
                say(progress["stage"], progress["overall"], f"{progress['step']:,} of {progress['total']:,} MB")
            else:
                words = words if line.isdigit() else line
    except packages.SetupError as error:
        raise Trouble(error.message, AGAIN) from error
    except OSError as error:
        raise Trouble(f"The backend does not start: {error}", environment.SET_UP) from error
    if not answer.get("ok"):
        message = answer.get("message") or f"The backend ended without an answer: {words[:200]}"
        raise Trouble(message, answer.get("remedy", "Try again"), answer.get("kind", "internal"))
    return answer


def parse(line: str) -> dict:
    """A line of JSON, or an empty dict for anything else that libraries print."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def licence(weights: catalog.Weights) -> str:
    return f"{weights.licence}. Commercial use: {weights.commercial_use}"
