"""Endpoints as people write them: small apps, each with a fault of one kind.

They are modules, so that a fresh process can import them.
"""
