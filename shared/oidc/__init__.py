"""OpenID Connect, as far as it proves which pipeline or person asks: ID tokens of issuers that the operator names.

`issuer`, `endpoints`, `key_set`, `token` and `addresses` are pure; `fetching` is the one room that connects anywhere.
"""
