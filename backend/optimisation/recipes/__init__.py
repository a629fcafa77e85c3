# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the optimisations, one file a family, named after the published configurations."""
