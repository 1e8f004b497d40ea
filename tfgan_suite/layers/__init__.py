"""Keras layers that neither Keras nor the addons give in a form fit for games."""
