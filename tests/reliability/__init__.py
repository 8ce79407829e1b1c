"""Real processes that are killed, behind a real network that fails: is every line there?"""
