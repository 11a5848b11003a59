# SPDX-License-Identifier: MIT
"""One file a corpus: how it is published, what its labels mean, where it comes from."""
