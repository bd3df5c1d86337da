"""Regret matching on played dialogues: both branches of every choice are really valued while training.

Read `trainer`, then `array_player`, which plays whole arrays of simulated dialogues.
"""
