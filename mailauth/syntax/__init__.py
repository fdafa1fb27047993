"""Octets and grammar: what messages, tag lists, names and mailboxes look like.

Nothing here knows a protocol or asks a question; every function is pure and
takes time linear in its input.
"""
