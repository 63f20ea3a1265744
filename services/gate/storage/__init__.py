"""What the gate keeps."""
