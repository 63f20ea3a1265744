"""Whether a version may pass: policies, the evidence held about a version, rules and verdicts. No I/O."""
