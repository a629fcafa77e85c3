# SPDX-License-Identifier: GPL-3.0-or-later
"""Optimising a shape under a prior: the loop, the tasks, their losses and schedules."""
