"""Translating the user's own images: one, a folder, large ones in tiles, with a gallery.

translator = opening.open_translator("runs/pix2pix_facades")
answer = translator(image)      # float32 (height, width, channels) in [-1, 1], any size
"""
