"""The SMS gateways, one file each, behind the small interface of base.py."""
