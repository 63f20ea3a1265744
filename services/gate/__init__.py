"""The gate: whether a version may pass.

Decides: what policies say about a version on the evidence there is: allow, deny, pending, error, each rule with its
    reason and remedy.
Owns: `hallmark_gate`: policies with all their revisions, versions and evidence as heard, verdicts, open evaluations.
Hears: asks to apply and show policies, show, confirm and judge; `tell gates.evaluate`; version created and application
    applied (registry), evidence added (evidence).
Says: policy applied; verdict issued, again each time a pending one changes.
"""
