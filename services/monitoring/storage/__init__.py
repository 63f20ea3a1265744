"""What monitoring keeps in MongoDB, one file per collection or pair of collections."""
