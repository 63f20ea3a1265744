"""People: who they are by the word of an issuer, what they may do, and how they come in.

`person` and `flow` are pure. `signing_in` talks to the issuer, `granting` gives and takes roles.
"""
