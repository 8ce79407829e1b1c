"""How long a key takes until it is seen, in a real client in a real terminal."""
