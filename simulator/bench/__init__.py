"""How fast the server is here: real processes, workloads, figures side by side."""
