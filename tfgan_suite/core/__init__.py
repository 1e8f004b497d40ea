"""What a game is built on: the base class, the kinds of games, and what their steps share."""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
