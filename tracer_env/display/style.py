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
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
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
.scroll td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
td small { display: block; color: var(--soft); font-size: .76rem; }
tr.baseline td:first-child::after { content: "baseline"; color: var(--soft); font-size: .75rem;
  margin-left: .5rem; display: inline-block; }
tr.bound td { color: var(--soft); font-style: italic; }
tr.bound td:first-child::after { content: "bound"; font-size: .75rem; margin-left: .5rem;
  display: inline-block; }
.tops td { vertical-align: top; }
.change { border-top: 1px dotted var(--line); margin-top: .2rem; }
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
.leader { stroke: var(--soft); }
svg text.number { font-weight: 700; font-size: 12px; }
svg text.number, svg text.halo { paint-order: stroke; stroke: var(--back); stroke-width: 4px; }
.narrow { display: none; }
.legend { columns: 20rem; font-size: .9rem; margin: .3rem 0; padding-left: 2rem; }
.legend li { break-inside: avoid; }
.legend li::marker { font-weight: 700; }
.legend small { color: var(--soft); white-space: nowrap; }
.whisker { stroke: var(--mark); stroke-width: 2; opacity: .55; }
.reference { stroke: var(--soft); stroke-dasharray: 4 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.again { stroke-dasharray: 6 3; }
.part-correct { fill: var(--good); }
.part-wrong { fill: var(--bad); }
.part-unparsable { fill: var(--odd); }
.part-timeout { fill: var(--none); }
.key span { margin-right: 1.1rem; white-space: nowrap; display: inline-block; }
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
.episodes > input { position: absolute; opacity: 0; }
.episodes > label { display: inline-block; border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .7rem;
  margin: .15rem .3rem .15rem 0; font-size: .85rem; cursor: pointer; overflow-wrap: anywhere; }
.episodes > input:checked + label { background: var(--mark); border-color: var(--mark); color: var(--back); }
.episodes > input:focus-visible + label { outline: 2px solid var(--mark); outline-offset: 2px; }
.list { margin-top: .6rem; }
.episode { padding: 0; }
.episode > summary { display: grid; grid-template-columns: 15rem 11rem 8rem 1fr; gap: .1rem .8rem; font-weight: 400;
  font-size: .85rem; padding: .35rem 0; overflow-wrap: anywhere; }
.episode[open] > summary { font-weight: 600; }
.episode .asked { color: var(--soft); grid-column: 1 / -1; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.episode .id::before { content: "▸ "; color: var(--soft); }
.episode[open] .id::before { content: "▾ "; }
.episode[open] .asked { display: none; }
.episode > small { color: var(--soft); }
.episode .dialogue { padding-bottom: 1rem; }
.side { display: flex; flex-wrap: wrap; gap: 0 3rem; }
pre { background: var(--card); padding: 1rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; }
@media (max-width: 700px) {
  body { padding: 1rem .9rem 3rem; }
  .wide { display: none; }
  .narrow { display: block; }
  .episode > summary { grid-template-columns: 1fr 1fr; }
  .episode .asked { white-space: normal; }
}
""" + "".join(
    f".line.c{i} {{ stroke: var(--c{i}); }} svg text.c{i} {{ fill: var(--c{i}); }}\n"
    f".legend .c{i} {{ color: var(--c{i}); }}\n"
    for i in range(8)
)
