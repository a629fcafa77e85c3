# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics of meshes and images, baselines, and the benchmark of the engines."""
