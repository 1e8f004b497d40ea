"""One file is one paper: its networks, its game, its defaults, its reference.

`python -m tfgan_suite list` reads this folder; there is no registry to edit.
"""
