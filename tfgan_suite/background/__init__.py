"""What came before the games, for comparison."""
