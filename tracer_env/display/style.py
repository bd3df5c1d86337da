"""The style sheet of a run's page: it follows the reader's light or dark setting, and loads nothing from anywhere."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --ink: #1c2230; --soft: #667085; --line: #e3e6ec; --back: #ffffff;
  --card: #f7f8fa; --mark: #2563eb; --good: #2f9e57; --bad: #d9485a; --odd: #c98a1b; --none: #98a2b3;
  --ok: #1f7a41; --no: #c22f43; --eh: #8f5f0b;
  --c0: #2563eb; --c1: #c2410c; --c2: #15803d; --c3: #9333ea;
  --c4: #b45309; --c5: #0e7490; --c6: #be185d; --c7: #475569; --pro: #0e7490; --rev: #a21caf; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe4ee; --soft: #939db2; --line: #2a3040; --back: #11141c;
  --card: #181c27; --mark: #6ea8fe; --good: #3f9a5f; --bad: #d05a66; --odd: #b98a35; --none: #667085;
  --ok: #6fd08c; --no: #ff8a93; --eh: #e0b25a;
  --c0: #6ea8fe; --c1: #ff9e64; --c2: #7bd88f; --c3: #c49bff;
  --c4: #e6c35a; --c5: #62c8de; --c6: #f28bb8; --c7: #a3aec2; --pro: #62c8de; --rev: #d9a0f5; } }
body { margin: 0 auto; max-width: 1100px; padding: 2.5rem 1.5rem 4rem; background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: .95rem; margin: 1.2rem 0 .4rem; }
p, figcaption { color: var(--soft); margin: .4rem 0; max-width: 80ch; }
.headline { color: var(--ink); font-size: 1.05rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.scroll > table { width: 100%; }
th, td { padding: .4rem .45rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: .8rem; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td small { display: block; color: var(--soft); font-size: .76rem; }
tr.baseline td:first-child::after { content: "baseline"; color: var(--soft); font-size: .75rem; margin-left: .5rem; }
tr.bound td { color: var(--soft); font-style: italic; }
tr.bound td:first-child::after { content: "bound"; font-size: .75rem; margin-left: .5rem; }
.up { color: var(--good); font-weight: 600; }
.down { color: var(--bad); font-weight: 600; }
figure { margin: .5rem 0 0; }
svg { width: 100%; max-width: 860px; height: auto; display: block; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg text.muted { fill: var(--soft); font-size: 12px; }
svg text.on-part { fill: #fff; font-size: 12px; }
.grid { stroke: var(--line); }
.mark { fill: var(--mark); }
.mark.hollow { fill: none; stroke: var(--mark); stroke-width: 2; }
.whisker { stroke: var(--mark); stroke-width: 2; opacity: .55; }
.reference { stroke: var(--soft); stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.again { stroke-dasharray: 6 3; }
.part-correct { fill: var(--good); }
.part-wrong { fill: var(--bad); }
.part-unparsable { fill: var(--odd); }
.part-timeout { fill: var(--none); }
.key span { margin-right: 1.1rem; }
.key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .35em; }
details { border-top: 1px solid var(--line); padding: .6rem 0; }
summary { cursor: pointer; font-weight: 600; }
.good { color: var(--ok); font-weight: 600; }
.bad { color: var(--no); font-weight: 600; }
.odd { color: var(--eh); font-weight: 600; }
.dialogue { max-width: 80ch; overflow-wrap: anywhere; }
.dialogue p { margin: .15rem 0; max-width: none; }
.dialogue small, .foot { color: var(--soft); font-size: .8rem; }
.dialogue .question { color: var(--ink); font-weight: 600; white-space: pre-wrap; }
.turn { border-left: 4px solid var(--pro); background: var(--card); margin: .6rem 0; padding: .5rem .8rem;
  border-radius: 0 6px 6px 0; }
.turn.reviewer { border-color: var(--rev); }
.turn.silent { border-left-style: dotted; }
.turn p { color: var(--ink); }
.turn .head { display: flex; flex-wrap: wrap; gap: .1rem .6rem; align-items: baseline; }
.role { color: var(--pro); }
.reviewer .role { color: var(--rev); }
.action { font-size: .75rem; font-weight: 700; border: 1px solid currentColor; border-radius: 4px; padding: 0 .35em; }
.silent .action { color: var(--soft); }
.said { white-space: pre-wrap; margin: .35rem 0; }
.turn .foot { color: var(--soft); }
.other { border: 1px dashed var(--line); border-radius: 6px; padding: .3rem .6rem; margin: .4rem 0; }
.other p, .other .said { color: var(--soft); }
.end { border-top: 1px solid var(--line); padding-top: .4rem; }
.side { display: flex; flex-wrap: wrap; gap: 0 3rem; }
pre { background: var(--card); padding: 1rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; }
""" + "".join(f".line.c{i} {{ stroke: var(--c{i}); }} svg text.c{i} {{ fill: var(--c{i}); }}\n" for i in range(8))
