"""Sigstore bundles, verified offline against a trusted root that somebody installed.

`bundle.py` reads a bundle, `authority.py` a trusted root; `certificate.py`, `log_entry.py` and `timestamp.py` check one
thing each; `verification.py` puts the checks in order. docs/architecture/verification.md says why this is own code.
"""
