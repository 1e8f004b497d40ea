"""Making the user's own pictures larger: one, a folder, large ones in tiles of bounded memory.

    upscaler = opening.open_upscaler("runs/srresnet_photos")
    large = upscaler(picture)        # uint8 (height, width, channels), any size, to uint8
"""
