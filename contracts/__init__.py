"""What travels between the parts of Hallmark: the only thing that they share about each other.

Imports pydantic and the standard library, nothing else. Start at `catalog.py`: every message, listed once.
"""
