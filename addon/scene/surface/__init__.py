# SPDX-License-Identifier: GPL-3.0-or-later
"""Surfaces of meshes in the scene: their colours as materials show them, and carried over to another mesh."""
