"""Nothing is imported from here: builders and support live in `tests/support`."""
