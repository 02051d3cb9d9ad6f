"""Einsum as a product, which exporters write for attention and projections of several heads."""
from .parts import CASES, activation, weight


def einsum_case(title, equation, x_shape, other, axis=None):
    """`other` is a weight's array, or the shape of a second activation."""
    def fill(b):
        x = activation(b, b.input("x", x_shape))
        y = activation(b, b.input("y", other)) if isinstance(other, list) else weight(b, other(b), axis)
        b.node("Einsum", [x, y], equation=equation)
        return ["einsum"]
    CASES[title] = fill


einsum_case("Einsum bik,bkj->bij, two activations", "bik,bkj->bij", [2, 16, 32], [2, 32, 16])
einsum_case("Einsum bhik,bhjk->bhij, two activations", "bhik,bhjk->bhij", [2, 4, 16, 32], [2, 4, 16, 32])
einsum_case("Einsum bik,kj->bij, weight per-tensor", "bik,kj->bij", [2, 16, 64], lambda b: b.normal(64, 32))
einsum_case("Einsum bik,kj->bij, weight axis 1", "bik,kj->bij", [2, 16, 64], lambda b: b.normal(64, 32), 1)
einsum_case("Einsum btd,dhk->bthk, weight per-tensor", "btd,dhk->bthk", [2, 16, 64], lambda b: b.normal(64, 4, 16))
einsum_case("Einsum btd,dhk->bthk, weight axis 2", "btd,dhk->bthk", [2, 16, 64], lambda b: b.normal(64, 4, 16), 2)
einsum_case("Einsum bthk,hkd->btd, weight axis 2", "bthk,hkd->btd", [2, 16, 4, 16], lambda b: b.normal(4, 16, 64), 2)
einsum_case("Einsum bhjk,hik->bhij, weight axis 1", "bhjk,hik->bhij", [2, 4, 16, 32], lambda b: b.normal(4, 16, 32), 1)
einsum_case("Einsum ik,jk->ij, weight axis 0", "ik,jk->ij", [16, 64], lambda b: b.normal(32, 64), 0)
einsum_case("Einsum ...ij,...jk->...ik, two activations", "...ij,...jk->...ik", [2, 16, 32], [2, 32, 16])
einsum_case("Einsum ...ik,kj->...ij, weight axis 1", "...ik,kj->...ij", [2, 16, 64], lambda b: b.normal(64, 32), 1)
einsum_case("Einsum ...ik,...kj->...ij, weight axis 2", "...ik,...kj->...ij", [2, 16, 64],
            lambda b: b.normal(2, 64, 32, fan=64), 2)
einsum_case("Einsum ik,k...->i..., weight per-tensor", "ik,k...->i...", [16, 64], lambda b: b.normal(64, 4, 8))
einsum_case("Einsum ij,jk, weight axis 1", "ij,jk", [16, 64], lambda b: b.normal(64, 32), 1)
einsum_case("Einsum ki,bi, weight axis 0", "ki,bi", [16, 64], lambda b: b.normal(32, 64), 0)
einsum_case("Einsum ...ij,...jk, two activations", "...ij,...jk", [2, 16, 32], [2, 32, 16])
