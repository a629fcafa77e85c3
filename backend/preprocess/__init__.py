# SPDX-License-Identifier: GPL-3.0-or-later
"""From any picture to what an engine wants to see: read, cut out, framed."""
