"""The zoo: bugs planted on purpose, so that each checker and each fault earns its keep."""
