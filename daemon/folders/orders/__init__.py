"""`models/<kind>/`: the directories of orders and what lies in them."""
