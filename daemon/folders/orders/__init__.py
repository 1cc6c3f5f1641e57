"""`models/<kind>/`: the directories of orders and their files."""
