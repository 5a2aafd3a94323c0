"""Deadlines and silences of single orders."""
