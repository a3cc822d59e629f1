"""People and addresses, for the officer."""
