"""What a controller's information is worth: policies fitted on one half of the questions, scored on the other.

Read `study`, `areas` (how well a signal separates right from wrong), `shown` (table and picture).
"""
