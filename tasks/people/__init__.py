"""Tasks for people: questions, notifications and letters."""
