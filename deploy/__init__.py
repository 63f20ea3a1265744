"""Everything about running Hallmark somewhere: provisioning, rights, the local stack, containers."""
