# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's timer: it calls a function on the main thread, again and again."""

from __future__ import annotations

from collections.abc import Callable

import bpy


class Timer:
    """Calls tick(), which returns the seconds until the next call, or None to end. There are no timers without a
    window: whoever wants progress there calls tick() himself."""

    def __init__(self, tick: Callable[[], float | None]):
        self.tick = tick
        self._registered = self._call  # one object: Blender compares the functions, and each `self._call` is new

    @property
    def running(self) -> bool:
        return bpy.app.timers.is_registered(self._registered)

    def start(self) -> None:
        if not bpy.app.background and not self.running:
            bpy.app.timers.register(self._registered, persistent=True)

    def wake(self) -> None:
        """Call tick() next, however long its pause would be."""
        if not bpy.app.background:
            if self.running:
                bpy.app.timers.unregister(self._registered)
            self.start()

    def stop(self) -> None:
        """A timer that stays crashes Blender 4.2 at exit, and 4.5 hangs."""
        if self.running:
            bpy.app.timers.unregister(self._registered)

    def _call(self) -> float | None:
        return self.tick()
