# SPDX-License-Identifier: GPL-3.0-or-later
"""How good a mesh or a picture is: metrics, baselines, and the benchmark that compares them."""
