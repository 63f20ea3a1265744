"""Whether a version may pass: policies, the evidence held about a version, rules and verdicts. No I/O.

The gate decides with it, and whoever verifies a bundle decides again: one code, or the two would disagree (ADR 8).
"""
