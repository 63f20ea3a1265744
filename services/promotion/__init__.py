"""Promotion: what happens next.

Decides: whether a promotion may begin, each step of its saga, who may approve, when it has waited long enough.
Owns: `hallmark_promotion`: promotions with their whole history, and which of them are open.
Hears: asks to request, cancel, approve, show; verdict issued (gate), passage attested (evidence), version moved and
    move refused (registry).
Says: promotion requested, advanced, completed, ended; release trusted, last of all.
Tells: gate to evaluate, evidence to attest and to record approvals, registry to move.
"""
