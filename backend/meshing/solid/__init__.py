# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Solid: any triangle mesh -> one with a closed, outward surface and nothing inside."""
