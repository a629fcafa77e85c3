# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights: downloading, checking, converting and removing them with the backend's command line. No bpy."""

from __future__ import annotations

from ...backend.interface import catalog, protocol
from ...backend.interface.files import parse_json
from ...backend.interface.installer import packages
from ..base.trouble import Trouble
from . import environment
from .background_task import BackgroundTask, Say
from .folders import Chosen

AGAIN = "Download again to resume"
VERBS = {"download": "Downloading", "verify": "Checking", "convert": "Converting", "remove": "Removing"}


def begin(setup: environment.Setup, chosen: Chosen, verb: str, identity: str, *options: str) -> None:
    """Start the background task that does one of VERBS with a set. Jobs may run meanwhile, except while it removes."""
    title = f"{VERBS[verb]} {catalog.weights(identity).title}"
    follow = [] if verb == "remove" else ["--follow"]

    def work(task: BackgroundTask) -> None:
        run(chosen, task.stopped, task.say, verb, identity, *options, *follow)
        task.say(f"{title}: done", 1.0)

    setup.begin(title, work, exclusive=verb == "remove")


def run(chosen: Chosen, stopped: packages.Stopped, say: Say, *arguments: str) -> dict:
    """Run `models ...` in the backend's environment and return its answer. May run in a thread. Raises Trouble."""
    python, root = environment.ready_backend(chosen)
    command = protocol.command(python, root, "models", *arguments, "--json")
    answer, words = {}, ""
    try:
        for line in packages.follow(command, stopped, environment.variables(chosen)):
            message = parse_json(line) or {}
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


def licence(weights: catalog.Weights) -> str:
    return f"{weights.licence}. Commercial use: {weights.commercial_use}"


def megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
