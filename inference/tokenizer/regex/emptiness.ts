// What a part of a pattern does with nothing to match. A repeat whose turn matched nothing goes on after the repeat in
// Oniguruma, but tries something else in JavaScript; both do the same where matching nothing is the last thing a turn tries.
import type { Node } from './syntax.js';

/** Whether the part may match the empty text. */
export function mayBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case 'char':
    case 'set':
    case 'piece':
      return false;
    case 'sequence':
      return node.items.every(mayBeEmpty);
    case 'choice':
      return node.options.some(mayBeEmpty);
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.body);
    case 'capture':
    case 'atomic':
      return mayBeEmpty(node.body);
    default:
      return true;
  }
}

/** Whether the part matches the empty text only after everything else has failed. */
export function isEmptyLast(node: Node): boolean {
  if (!mayBeEmpty(node)) return true;
  switch (node.kind) {
    case 'sequence':
      return node.items.every(isEmptyLast);
    case 'choice':
      return (
        node.options.slice(0, -1).every((option) => !mayBeEmpty(option)) && node.options.slice(-1).every(isEmptyLast)
      );
    case 'repeat':
      return node.how !== 'lazy' && isEmptyLast(node.body);
    case 'capture':
    case 'atomic':
      return isEmptyLast(node.body);
    case 'call':
      return false;
    default:
      return true;
  }
}
