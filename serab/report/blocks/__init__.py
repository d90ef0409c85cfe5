"""What a report says, a file a section: each turns runs into blocks of a page."""
