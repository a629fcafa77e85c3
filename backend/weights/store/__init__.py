# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of weights on disk: where they lie, downloading, checking and converting them."""
