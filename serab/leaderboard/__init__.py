"""Results that stay: one small file for each system, protocol and task, and a page over them."""
