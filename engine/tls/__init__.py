"""Certificates: whether a certificate and a key can be served with, and until when.

identity_of(certificate_pem, key_pem)  the facts, or BadPair with what is wrong, in words
time_problem(identity, now_s)          whether clients will accept it now
"""

from engine.tls.pair import BadPair, Identity, identity_of, time_problem

__all__ = ["BadPair", "Identity", "identity_of", "time_problem"]
