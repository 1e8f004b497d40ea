"""The equations: adversarial losses and penalties, as plain functions of tensors."""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
