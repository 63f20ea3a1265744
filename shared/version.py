"""Which Hallmark this is, for what it signs and says about itself."""

VERSION = "0.1.0"
"""Equal to the version in pyproject.toml; a test compares them."""
