# SPDX-License-Identifier: GPL-3.0-or-later
"""Posed views: pictures with known cameras, read, understood and made into what engines take."""
