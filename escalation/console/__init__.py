"""The officer's desk: signing in, the queue, answering."""
