"""What reference implementations say of random cases, and the script that asks them."""
