# SPDX-License-Identifier: MIT
"""`python -m unsung` is the command `unsung`."""

from unsung.cli import main

if __name__ == "__main__":
    main()
