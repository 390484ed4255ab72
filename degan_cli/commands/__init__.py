"""One file per subcommand: options, run spec, look-ups, loop, artifact, result line. No torch at import."""
