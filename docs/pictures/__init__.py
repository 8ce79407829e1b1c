"""The pictures of the client in README.md and client.md: SVG, made from real runs."""
