"""How little it takes to fool the networks of the compendium, in units that an astronomer can judge."""
