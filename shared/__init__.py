"""Technique without business words: what every service needs to be a good citizen of NATS and MongoDB."""
