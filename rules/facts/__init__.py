"""What is known of orders and shops; facts merge in any order."""
