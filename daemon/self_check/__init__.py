"""The self-check of `doctor --gpu`: does this machine train and answer as the one it was made on"""
