"""What is served: health and metrics, the admission webhook; and the switch that hands v1 back."""
