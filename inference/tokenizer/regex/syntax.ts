// The parts of a regular expression, as the parser finds them and the translator writes them.

export type Node =
  | { readonly kind: 'char'; readonly point: number; readonly ignoreCase: boolean }
  /** A JavaScript class, and texts of several characters that are one of it when case is ignored. */
  | { readonly kind: 'set'; readonly source: string; readonly texts: readonly (readonly number[])[] }
  /** A condition on the place, as JavaScript. */
  | { readonly kind: 'place'; readonly source: string }
  /** JavaScript that matches something of one or more characters. */
  | { readonly kind: 'piece'; readonly source: string }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly body: Node; readonly min: number; readonly max: number; readonly how: Repeat }
  | { readonly kind: 'capture'; readonly number: number; readonly body: Node }
  | { readonly kind: 'look'; readonly open: '(?=' | '(?!' | '(?<=' | '(?<!'; readonly body: Node }
  | { readonly kind: 'atomic'; readonly body: Node }
  /** What a group matched, once more. */
  | { readonly kind: 'back'; readonly group: GroupName; readonly ignoreCase: boolean }
  /** A group's pattern, once more. */
  | { readonly kind: 'call'; readonly group: GroupName }
  /** \K: the match begins here. */
  | { readonly kind: 'keep' }
  /** \G: where the last match ended. */
  | { readonly kind: 'begin' };

export type Repeat = 'greedy' | 'lazy' | 'possessive';

export type GroupName = string | number;

/** A whole pattern and its groups. */
export interface Syntax {
  readonly root: Node;
  /** Groups by number, from 1. */
  readonly groups: ReadonlyMap<number, Node>;
  /** Numbers by name; more than one where a name stands twice. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

/** Ends the reading of a pattern that uses what is not supported. */
export type Fail = (what: string) => never;
