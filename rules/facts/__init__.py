"""The facts of orders and shops, which merge in any order."""
