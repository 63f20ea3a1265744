"""What the promotion service keeps."""
