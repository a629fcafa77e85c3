# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a model: published weights to a network that is ready to run."""
