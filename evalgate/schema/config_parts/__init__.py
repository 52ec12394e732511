"""Parts of the configuration that others read without the rest of it.

Imports nothing but its neighbours in `schema`.
"""
