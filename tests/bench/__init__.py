"""What the hotline can do on this machine: `python -m tests.bench [NAME]... [--quick]`."""
