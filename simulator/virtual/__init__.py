"""A world in which unmodified trio programs run: one seed, one run, to the byte."""
