"""The project that `evalgate demo` copies: an agent, its golden set and recorded model calls."""
