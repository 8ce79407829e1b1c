"""The wire without the wire: bytes in, messages out. No I/O, no clock, no chance."""
