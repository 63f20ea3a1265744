"""Keys, signatures, signed envelopes and the Merkle tree: all that an offline verifier needs.

Nothing here knows a service, a network or a database. `keys` is the only module that touches a file.
"""
