/** One blocking query for each service, however many watches want it: an agent that is away is asked by few. */
import type { Instance } from '../registry.js';

/** `fresh` as a roster wants it. */
export type OnList = (instances: readonly Instance[], fresh: boolean) => void;

export interface Feeds {
  /** Calls back with the last list where there is one, then with every further one. Returns how to stop. */
  follow(name: string, onList: OnList): () => void;
}

interface Feed {
  readonly listeners: Set<OnList>;
  readonly stop: AbortController;
  last: readonly Instance[] | undefined;
}

/** `start` begins a query that lasts until the signal aborts. */
export function createFeeds(start: (name: string, onList: OnList, signal: AbortSignal) => void): Feeds {
  const feeds = new Map<string, Feed>();

  const begin = (name: string): Feed => {
    const feed: Feed = { listeners: new Set(), stop: new AbortController(), last: undefined };
    feeds.set(name, feed);
    const onList: OnList = (instances, fresh) => {
      feed.last = instances;
      for (const listener of [...feed.listeners]) listener(instances, fresh);
    };
    start(name, onList, feed.stop.signal);
    return feed;
  };

  return {
    follow(name, onList) {
      const feed = feeds.get(name) ?? begin(name);
      const listener: OnList = (instances, fresh) => onList(instances, fresh); // one of its own, also for the same function
      feed.listeners.add(listener);
      if (feed.last) listener(feed.last, true);
      return () => {
        feed.listeners.delete(listener);
        if (feed.listeners.size > 0 || feeds.get(name) !== feed) return;
        feeds.delete(name);
        feed.stop.abort(new Error('nobody watches any more'));
      };
    },
  };
}
