"""What a game is built on: the base class, the kinds of games, and what their steps share."""
