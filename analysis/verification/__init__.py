"""`python -m analysis verify`: is what is committed what the code makes? Checked, run again, compared, reported."""
