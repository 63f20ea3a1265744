"""What the gate service hears and says."""
