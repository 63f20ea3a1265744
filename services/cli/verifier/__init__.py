"""Verifies bundles with no server and no network. Imports nothing of the services; read `verify` first."""
