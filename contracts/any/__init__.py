"""What every service can be asked about itself: subjects say `any` where the service stands."""
