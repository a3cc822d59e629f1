"""The pages of the entries, for the officer; and how reliable the answers are, for everybody."""
