# SPDX-License-Identifier: GPL-3.0-or-later
"""The large reconstruction model (LRM): image -> triplane -> density and colour."""
