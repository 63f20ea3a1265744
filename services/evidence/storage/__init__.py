"""What the evidence service keeps."""
