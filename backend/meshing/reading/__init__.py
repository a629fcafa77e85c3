# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of mesh files: glTF, OBJ and PLY, with every form of colours that they hold. They raise ValueError."""
