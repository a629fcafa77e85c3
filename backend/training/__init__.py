# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering of training data and the training loops of the starter models."""
