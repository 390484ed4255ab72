"""Training and evaluation, each a readable loop; they know torch and the engine, nothing of the command line."""
