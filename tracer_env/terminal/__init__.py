"""What reaches a terminal: text made safe, terminals that cannot show every letter, one screen, progress of long work.

Read `plain` (what a model wrote, without control characters), `narrow` (letters that a terminal lacks), `screen`
(the one way by which anything is printed), `progress` and `bars`.
"""
