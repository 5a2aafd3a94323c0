// What rules and clauses are called, as the worker's packs say. Read once; until then, and of rules of a pack that this
// worker lacks, an alert's own titles stand.

const rules = new Map();
let clauses = {};

export function takeNames(answer) {
  rules.clear();
  for (const each of answer.items) rules.set(each.rule, each);
  clauses = answer.clauses;
}

// False until they are: what was drawn before is drawn again with them.
export const namesRead = () => rules.size > 0;

export const ruleOf = (id) => rules.get(id) ?? null;

export const titlesOfRule = (id) => rules.get(id)?.titles ?? null;

export const titlesOfClause = (id) => clauses[id] ?? null;
