"""Chats as people write them first: what the others' figures are held against."""
