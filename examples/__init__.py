"""Sample projects and policies, and the demo that governs a real release with them."""
