"""Small worlds with known ground truth and an oracle that reads any sample back."""
