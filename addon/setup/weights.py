# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights: downloading, checking, converting and removing them with the backend's command line. No bpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def begin_downloads(
    setup: environment.Setup,
    chosen: Chosen,
    title: str,
    sets: Sequence[catalog.Weights],
    then: Callable[[], None] | None = None,
) -> None:
    """Start the background task that downloads sets one after the other; those that are here take no time.

    title: of what they are for. then: called on the main thread when all are here.
    """
    total = sum(weights.size for weights in sets)

    def work(task: BackgroundTask) -> None:
        done = 0
        for weights in sets:

            def say(stage: str, overall: float, line: str, before: int = done, size: int = weights.size) -> None:
                task.say(stage, (before + overall * size) / total, line)

            run(chosen, task.stopped, say, "download", weights.id, "--follow")
            done += weights.size
        task.say(f"{downloading(title)}: done", 1.0)

    setup.begin(downloading(title), work, exclusive=False, then=then)


def downloading(title: str) -> str:
    """The title of the task that downloads something."""
    return f"{VERBS['download']} {title}"


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


def megabytes(size: int) -> str:
    """A size for people, in GB or MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.{0 if size >= 1e7 else 1}f} MB"
