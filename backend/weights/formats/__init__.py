# SPDX-License-Identifier: GPL-3.0-or-later
"""Published files: reads checkpoints and vocabularies, compares them with networks, and fills these."""
