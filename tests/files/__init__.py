"""Dropped files of every kind, made here as people and programs write them."""
