# SPDX-License-Identifier: GPL-3.0-or-later
"""The large reconstruction model: an image to a triplane to density and colour."""
