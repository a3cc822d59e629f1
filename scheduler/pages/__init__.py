"""The calendar, for the officer: months, meetings, what is due, who comes."""
