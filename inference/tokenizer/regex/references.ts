// Which groups a pattern refers back to, and whether each has surely matched by then: a reference to a group that has not
// matched fails in Oniguruma and matches nothing in JavaScript, so such patterns are refused.
import type { Fail, GroupName, Node, Syntax } from './syntax.js';

/** The number of the group that is meant. */
export function groupNumber({ groups, names }: Syntax, group: GroupName, fail: Fail): number {
  const numbers = typeof group === 'number' ? [group] : (names.get(group) ?? []);
  if (numbers.length > 1) fail(`the name ${group} of several groups`);
  const number = numbers[0];
  if (number === undefined || !groups.has(number)) return fail(`the group ${group}, which it does not have`);
  return number;
}

/** The parts directly inside a part. */
export function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'sequence':
      return node.items;
    case 'choice':
      return node.options;
    case 'repeat':
    case 'capture':
    case 'look':
    case 'atomic':
      return [node.body];
    default:
      return [];
  }
}

/** Numbers of all groups that are referred to. */
export function referredGroups(syntax: Syntax, fail: Fail): ReadonlySet<number> {
  const found = new Set<number>();
  const walk = (node: Node) => {
    if (node.kind === 'back') found.add(groupNumber(syntax, node.group, fail));
    for (const part of partsOf(node)) walk(part);
  };
  walk(syntax.root);
  if (found.size > 0) checkOrder(syntax, fail);
  return found;
}

/** Fails at a reference to a group that may not have matched. */
function checkOrder(syntax: Syntax, fail: Fail): void {
  /** What has surely matched after the part, when `before` had before it. */
  const walk = (node: Node, before: ReadonlySet<number>): ReadonlySet<number> => {
    switch (node.kind) {
      case 'sequence':
        return node.items.reduce((set, item) => walk(item, set), before);
      case 'choice': {
        const [first, ...others] = node.options.map((option) => walk(option, before));
        return new Set([...(first as ReadonlySet<number>)].filter((number) => others.every((set) => set.has(number))));
      }
      case 'repeat': {
        const after = walk(node.body, before);
        return node.min > 0 ? after : before;
      }
      case 'capture':
        return new Set([...walk(node.body, before), node.number]);
      case 'look': {
        const after = walk(node.body, before);
        return node.open === '(?=' ? after : before;
      }
      case 'atomic':
        return walk(node.body, before);
      case 'back':
        if (!before.has(groupNumber(syntax, node.group, fail)))
          fail(`a reference to ${node.group}, which may not have matched`);
        return before;
      default:
        return before;
    }
  };
  walk(syntax.root, new Set());
}
