"""From another program's installation to the TOML of this service: `mailauth import`.

`opendkim`, `policyd_spf`, `postsrsd` and `pfix_srsd` each read one program's
configuration into an `Imported`, which prints itself as TOML.  What is not carried
over, or would work otherwise here, is a note in it, and becomes a comment at the
top of the TOML: nothing is lost in silence.  The service itself uses none of this.
"""
