"""The self-check of `doctor --gpu`: does this machine train and answer correctly?"""
