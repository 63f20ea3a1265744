"""What the evidence service hears and says."""
