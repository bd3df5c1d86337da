"""Quantiles that intervals need: of Student's t, by halving its distribution function.

P(T <= t) = 1 - I_x(df / 2, 1 / 2) / 2 for t >= 0, with x = df / (df + t^2) and I the regularised incomplete beta
function, read off its continued fraction (Abramowitz and Stegun 26.5.8) by Lentz's method. Good to ten digits from
df = 1 on.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, lgamma, log
from statistics import NormalDist

__all__ = ["t_quantile"]

_TINY = 1e-300
_NORMAL = 1e7  # degrees of freedom from which on t is the normal distribution to eight digits


@lru_cache(maxsize=256)
def t_quantile(chance: float, df: float) -> float:
    """Return the t below which lies ``chance``, in (0, 1), of Student's distribution with ``df`` > 0 degrees."""
    if not 0.0 < chance < 1.0 or not df > 0.0:
        raise ValueError(f"chance must lie between 0 and 1 and df above 0, got {chance} and {df}")
    if df >= _NORMAL:
        return NormalDist().inv_cdf(chance)
    if chance == 0.5:
        return 0.0
    if chance < 0.5:
        return -t_quantile(1.0 - chance, df)
    low, high = 0.0, 1.0
    while _above(high, df) > 1.0 - chance:
        low, high = high, 2.0 * high
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _above(middle, df) > 1.0 - chance else (low, middle)
    return (low + high) / 2


def _above(t: float, df: float) -> float:
    """Return P(T > t), t >= 0."""
    return _incomplete_beta(df / (df + t * t), t * t / (df + t * t), df / 2, 0.5) / 2


def _incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """Return I_x(a, b), ``rest`` being 1 - x."""
    if x <= 0.0 or rest <= 0.0:
        return float(rest <= 0.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(rest, x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest)) / a
    c, d = 1.0, 1.0 / _kept(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1.0 / _kept(1 + term * d), _kept(1 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * value


def _kept(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
