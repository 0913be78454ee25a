"""What the commands of the command line do, a module each: `command(…)` returns whether all went well."""
