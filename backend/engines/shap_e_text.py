# SPDX-License-Identifier: GPL-3.0-or-later
"""Shap-E from a prompt: the same way with another encoder, and weights of its own."""

from .shap_e import run, unload

__all__ = ["run", "unload"]
