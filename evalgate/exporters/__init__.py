"""One file per format that is sent elsewhere. May import store and below."""
