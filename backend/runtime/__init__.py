# SPDX-License-Identifier: GPL-3.0-or-later
"""How any network runs on this machine: progress and cancellation, devices, memory, caches, files, images."""
