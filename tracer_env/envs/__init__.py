"""The environments: one dialogue at a time for PettingZoo and Gymnasium, thousands of them in `vector`.

Read `aec` (the adapter that holds no rule), `wrappers` (the parallel view, and one controller's), `signal_features`
(what a policy observes), `sb3` (for Stable-Baselines3), then `vector`.
"""
