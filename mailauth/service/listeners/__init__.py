"""The kinds of listeners: `maps`, which Postfix looks up, and `milters`, which it asks about mail.

`kinds` says what a kind is, and `listening` what any of them tells of itself.
`srstable`, `mailchecks` and `mailtables` make their settings of the tables in the file.
Nothing else that a service runs knows a protocol.
"""
