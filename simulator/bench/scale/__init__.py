"""How what a server does grows with what it keeps."""
