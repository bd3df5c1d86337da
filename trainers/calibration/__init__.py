"""Calibration: the simulated speaker's parameters, fitted to dialogues of a language model.

Read `calibrate`, then what is fitted: `events`, `answers`, `tokens`, `signals`, by `fit`; `checks` refuses what is too
little, `transfer` tells how policies carry over.
"""
