"""The unit tests' one profile for property tests: the same examples every time, and no example data base."""

from hypothesis import settings

settings.register_profile("unit", derandomize=True, database=None, deadline=None, max_examples=120)
settings.load_profile("unit")
