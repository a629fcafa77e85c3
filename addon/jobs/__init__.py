# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, their queue and the backend process. Only the timer needs bpy."""
