"""What the monitoring service hears and says."""
