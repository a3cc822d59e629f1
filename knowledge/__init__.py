"""What the hotline knows: legislation, contacts, words, practical sheets, meetings and experiences, each with its source."""
