"""What the operator serves: health and metrics."""
