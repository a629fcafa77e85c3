# SPDX-License-Identifier: GPL-3.0-or-later
"""Images: the chosen one, its preview, files as images, the Image Editor."""
