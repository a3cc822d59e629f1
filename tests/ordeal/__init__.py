"""An ordeal for the mailbox: real loops in processes that are killed, a town that writes, a provider that remembers."""
