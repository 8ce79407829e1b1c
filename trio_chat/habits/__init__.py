"""How one person wants their terminal client: tables, for the settings and the face."""
