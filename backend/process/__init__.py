# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as a process: the server, a job and its folder, the codec of its messages, failures."""
