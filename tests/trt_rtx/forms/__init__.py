"""The measured forms of Q/DQ, by subject. The imports have the order of the table."""
from . import convolutions, weights, products, between, behind, halves, einsum, subgraphs, smoothing  # noqa: F401
from .parts import CASES  # noqa: F401
