"""What all tests share."""

from hypothesis import settings

# A test says what is right, and never how fast it is found out.
settings.register_profile("at its own pace", deadline=None)
settings.load_profile("at its own pace")
