"""What happens when a recipe runs: launch, options, fit, publish, in this order."""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
