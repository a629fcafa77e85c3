# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh and the image that it was made from: matching the camera, shape and colours."""
