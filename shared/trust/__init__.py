"""Whose signatures are believed: trust roots, what their keys and identities signed, and the statements. No I/O.

The evidence service judges with it on receipt, and whoever verifies a bundle judges again: one code, or the two would
disagree (ADR 9).
"""
