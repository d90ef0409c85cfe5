"""How a script is started: Hydra's glue, its errors as sentences, the config of a run that goes on.

The only room of the packages that knows Hydra.
"""
