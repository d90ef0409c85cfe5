"""SERAB: nine emotion corpora, two protocols, five classifiers, one number per encoder."""
