"""What tests share: small real data, stand-ins for servers, and runs of the scripts."""
