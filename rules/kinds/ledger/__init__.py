"""Penalty points: postings, balances, tiers."""
