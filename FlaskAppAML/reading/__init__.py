"""What services say about themselves, read: descriptions and samples become fields of a schema."""
