"""Keras layers that neither Keras nor the addons give in a form fit for games."""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
