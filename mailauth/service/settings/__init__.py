"""What the TOML file says, read into frozen structs or refused whole.

`tables` says what may stand in it, `tomlfile` reads it and finds the line of each
mistake, `wording` says what is wrong, `othernames` which key is meant by one of another
program, and `configuration` is the whole, with what must be true of all tables
together.  An `address` is where a service listens.
"""
