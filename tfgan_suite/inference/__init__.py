"""Trained networks applied to the user's images: single images, folders, large images in tiles.

from tfgan_suite.inference.translator import open_translator
translator = open_translator("runs/pix2pix_facades")
output = translator(image)      # float32 (height, width, channels) in [-1, 1], any size
"""

from tfgan_suite.utils.lazy_modules import lazy_modules

__getattr__, __dir__ = lazy_modules(__name__, __path__)
