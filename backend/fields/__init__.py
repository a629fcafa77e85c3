# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be rendered, optimised and meshed: radiance fields and signed distance fields behind one interface."""
