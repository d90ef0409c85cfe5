"""What the step runs on: devices, processes, memory, compilation."""
