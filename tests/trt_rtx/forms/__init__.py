"""The forms of Q/DQ that are measured, by what they are about. Imported in the order of the table."""
from . import convolutions, weights, products, between, behind, halves, einsum, subgraphs  # noqa: F401
from .parts import CASES  # noqa: F401
