"""Frozen encoders of sentences, for games that draw what a sentence says."""

from tfgan_suite.text.encoders import (
    BagOfWords,
    CharacterEncoder,
    FunctionEncoder,
    SentenceEncoder,
    VectorTable,
)

__all__ = ["BagOfWords", "CharacterEncoder", "FunctionEncoder", "SentenceEncoder", "VectorTable"]
