"""Every transaction of the hotline, one function each: sync, `session` first, nothing that waits on the world."""
