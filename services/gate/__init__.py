"""The gate: whether a version may pass.

Decides: what policies say about a version on the evidence there is: allow, deny, pending, error, each rule with its
    reason and remedy; whether an exception from a rule is granted; what lies before a version; whether what admitted a
    release would admit it still.
Owns: `hallmark_gate`: policies with all their revisions, rule templates, versions, evidence and their surroundings as
    heard, waivers, verdicts, open questions, readiness, what admitted releases.
Hears: asks to apply and show policies and templates, request, decide and revoke waivers, show, confirm, judge, replay
    and simulate; `tell gates.evaluate`; versions, applications, lifecycles, moves and incidents (registry), evidence
    added and rejudged (evidence), exploitation learned (monitoring), release trusted (promotion).
Says: policy applied; verdict issued, again each time a pending one changes; waiver requested, granted, refused, ended;
    readiness changed; release rejudged, when what admitted it says something else than before; signing key announced.
"""
