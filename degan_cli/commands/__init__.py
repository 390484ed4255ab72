"""One file per subcommand: its settings, its job, and how its result is printed."""
