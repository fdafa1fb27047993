"""From another program's installation to the TOML of this service: `mailauth import`.

`opendkim`, `policyd_spf`, `postsrsd` and `pfix_srsd` each read one program's
configuration into an `Imported`, which writes itself as TOML.  Anything that is not
carried over, or works differently here, is a note in it and becomes a comment at the top
of the TOML: nothing is lost silently.  The service itself uses none of this.
"""
