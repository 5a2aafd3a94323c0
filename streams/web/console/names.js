// What rules and clauses are called, as the worker's packs say. Read once; until then, and of rules of a pack that this
// worker lacks, an alert's own titles stand.

const rules = new Map();
let clauses = {};
let chineseOf = new Map();
let chinesePatterns = [];

export function takeNames(answer) {
  rules.clear();
  for (const each of answer.items) rules.set(each.rule, each);
  clauses = answer.clauses;
  const { exact, patterns } = phrases(answer.chinese);
  chineseOf = exact;
  chinesePatterns = patterns;
}

// False until they are: what was drawn before is drawn again with them.
export const namesRead = () => rules.size > 0;

export const ruleOf = (id) => rules.get(id) ?? null;

export const titlesOfRule = (id) => rules.get(id)?.titles ?? null;

export const titlesOfClause = (id) => clauses[id] ?? null;

export const ledgerRule = (platform, ledger) => [...rules.values()].find((each) => each.platform === platform && each.ledger === ledger) ?? null;

// A text of a pack in Chinese, found by the phrase it was made from: what stands for a {name} there is put into the
// Chinese. Null where there is no phrase for it.
export function inChinese(text) {
  if (chineseOf.has(text)) return chineseOf.get(text);
  for (const { pattern, chinese } of chinesePatterns) {
    const found = pattern.exec(text);
    if (found) return chinese.replace(/{(\w+)}/g, (_, name) => inChinese(found.groups[name]) ?? found.groups[name]);
  }
  return null;
}

// Those without {names}, and patterns of the others: first the ones with most of their own.
function phrases(chinese) {
  const exact = new Map();
  const patterns = [];
  for (const [english, text] of Object.entries(chinese)) {
    if (!english.includes("{")) exact.set(english, text);
    else patterns.push({ own: english.replace(/{.*?}/g, "").length, pattern: patternOf(english), chinese: text });
  }
  patterns.sort((one, other) => other.own - one.own);
  return { exact, patterns };
}

function patternOf(english) {
  const seen = new Set();
  const parts = english.split(/{(\w+)}/).map((part, n) => {
    if (n % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (seen.has(part)) return `\\k<${part}>`;
    seen.add(part);
    return `(?<${part}>.+?)`;
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}
