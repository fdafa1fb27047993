"""What a milter looks up: whose mail comes from which `clients`, and who signs for which author.

A `signingtable` finds the keys of an author, a `keyring` loads them, and `datasets`
reads the tables of OpenDKIM.
"""
