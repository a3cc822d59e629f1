"""SMS: how a text is folded and counted (the gateways come with their settings)."""
