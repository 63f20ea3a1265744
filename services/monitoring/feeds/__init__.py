"""Fetching advisories from configured sources: when to look, how to ask, what to keep, and taking it over."""
