"""Whether a release is still good: advisories, live trust, deadlines and delivery metrics."""
