"""What the hotline knows: law, contacts, words, practical sheets, meetings, experiences, news, each with its source."""
