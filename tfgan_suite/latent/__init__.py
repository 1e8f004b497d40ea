"""What can be done with a trained generator: walk, calculate, search, fill holes, look inside.

Each module is a command of `python -m tfgan_suite` and has functions for scripts: docs/latent.md.
"""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
