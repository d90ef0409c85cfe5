"""Recordings decoded once to int16 shards, and crops read from them, also from object stores."""
