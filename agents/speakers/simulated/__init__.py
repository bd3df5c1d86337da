"""The simulated speaker: dialogues with the statistics of language models, at a hundred thousand utterances a second.

Read `rates` (its parameters), `speaker`, `rows` and `arrays` (the same draws for many dialogues at once), `signals`
(how sure it sounds), `text` (its words).
"""
