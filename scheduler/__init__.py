"""What must happen on a date: committees, who sits on them, and what is due when."""
