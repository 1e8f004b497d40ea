"""Small worlds with known ground truth and an oracle that can read any sample."""
