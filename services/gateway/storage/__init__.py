"""What the gateway keeps."""
