"""The subcommands of `shipclock`, one module each."""
