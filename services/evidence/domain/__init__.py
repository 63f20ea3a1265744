"""What may be believed, decided without I/O: trust roots, verification, reading by kind, and the log's entries."""
