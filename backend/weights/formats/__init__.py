# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading published files: checkpoints, vocabularies, and comparing them with the networks."""
