"""What happens when a recipe runs: launch, options, fit, publish, in this order."""
