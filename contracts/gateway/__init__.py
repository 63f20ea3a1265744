"""What the gateway service hears and says."""
