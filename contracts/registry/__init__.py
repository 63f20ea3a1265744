"""What the registry service hears and says."""
