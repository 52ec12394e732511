"""The project that `evalgate demo` copies: an agent, its golden set, recorded model calls.

Package data: may import nothing of evalgate, as an agent of a user would.
"""
