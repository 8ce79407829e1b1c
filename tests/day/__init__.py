"""A day in the life of two people: real terminals, processes, and mishaps."""
