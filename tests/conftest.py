"""What holds for all tests."""

from hypothesis import settings

# A first example pays for imports, and the machine may be busy: time is no property of the code under test.
settings.register_profile("finkd", deadline=None)
settings.load_profile("finkd")
