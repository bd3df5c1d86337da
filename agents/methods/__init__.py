"""Methods as recipes: rules, who decides, and what each seat is asked, under one name.

    compare --methods cot,self_consistency:k=5,best_of_n:k=3,debate:agents=3,rounds=2,until_approved

Read `recipe` first: what a recipe is and what it may ask for. Then one file for each: `cot`, `self_consistency`,
`best_of_n`, `verifier_loop` and `self_refine` (one writer, more and more use of a judge), `debate`, `debate_judge` and
`mixture` (several writers who read each other). Each says where it comes from, what of that is here and what is left
out. A controller's name is the method "this controller under the run's rules".
"""
