"""What the TOML file says, read into frozen structs or refused as a whole.

`tables` says what it may contain, `tomlfile` reads it and finds the line of each mistake,
`wording` says what is wrong, `othernames` which key somebody means by a name from another
program, and `configuration` is the whole file, with the checks across tables.  An
`address` is where a service listens.
"""
