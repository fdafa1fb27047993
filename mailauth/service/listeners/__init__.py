"""The kinds of listeners: `maps` that Postfix looks up, and `milters` that it asks about mail.

`kinds` says what a kind is, and `listening` what every listener reports of itself.
`srstable`, `mailchecks` and `mailtables` turn the tables of the file into settings.
Nothing else that a service runs knows a protocol.
"""
