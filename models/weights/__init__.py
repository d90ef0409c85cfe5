"""What a file of weights holds and says, checked before anything is built from it."""
