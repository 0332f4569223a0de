"""What a stream, a tag, a reference and a trigger are. Pure: no clock, no network, no cluster."""
