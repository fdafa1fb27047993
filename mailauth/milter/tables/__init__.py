"""What a milter looks up: sets of `clients`, and which keys sign for which author.

A `signingtable` finds the keys of an author, a `keyring` loads them, and `datasets`
reads the tables of OpenDKIM.
"""
