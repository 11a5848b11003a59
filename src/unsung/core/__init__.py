# SPDX-License-Identifier: MIT
"""The ground floor: what every other folder may use and none should write again."""
