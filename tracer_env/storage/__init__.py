"""What is written: complete or absent, never through a link, by one writer at a time, cleared up after a death.

Read `places` (folders opened step by step), `locks`, `leftovers`, then `files` and `folders`, which everything else
writes by; `endings` tells how work ends that nobody finished.
"""
