"""Questions and passages to answers: ``open_reader`` by name; what it needs is imported when it is opened."""
