"""What the tests lean on: servers that misbehave on demand, and waiting for a condition."""
