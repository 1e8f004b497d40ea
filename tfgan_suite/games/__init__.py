"""One file is one paper: its networks, its game, its defaults, its reference.

`python -m tfgan_suite list` reads this folder; there is no registry to edit.
"""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
