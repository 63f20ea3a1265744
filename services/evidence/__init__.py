"""Evidence: what may be believed.

Decides: whether signed statements count, by the trust roots of their project; what they say; what enters the log.
Owns: `hallmark_evidence`: trust roots, envelopes, records, components, the transparency log; Hallmark's signing key.
Hears: asks to apply trust roots, submit, show and prove; `tell passage.attest` and `approval.record`; envelopes from
    pipelines; verdicts, policies and ends of promotions, which it logs.
Says: evidence added, trust root applied; passage attested, once it is in the log.
"""
