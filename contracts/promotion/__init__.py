"""What the promotion service hears and says."""
