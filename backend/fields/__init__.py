# SPDX-License-Identifier: GPL-3.0-or-later
"""Radiance fields and signed distance fields behind one interface: rendering, fitting and meshing."""
