"""What the registry keeps, one repository per aggregate."""
