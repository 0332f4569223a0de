"""`make bench`: what the operator costs, as counts and as ratios to a careful user's own code in one run."""
