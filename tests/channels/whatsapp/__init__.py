"""Tests of the WhatsApp channel, with a Graph API server of their own and pywa on the other side."""
