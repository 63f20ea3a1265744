"""What people do with policies before a server sees them: try them on made-up versions, and have them read over."""
