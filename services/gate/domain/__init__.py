"""What the gate alone knows of: the business context of an application. How it judges is in `shared/policy`."""
