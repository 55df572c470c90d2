/// <reference lib="dom" />
// What every page of live figures does: takes the events, says how it is connected, stands still while it is paused. Not here: what is drawn.

import { byId, setText } from '../../ui/dom.js';

/** A page that shows frames. */
export interface LiveView<Hello extends { readonly subject: string }, Frame> {
  /** The page's title. */
  title(subject: string): string;
  /** It begins, or begins again: what is watched, and what was before. */
  hello(hello: Hello): void;
  /** A frame that is new: its place in the charts. */
  take(frame: Frame): void;
  /** Draws a frame. */
  show(frame: Frame): void;
}

const pause = byId<HTMLButtonElement>('pause');

function showState(text: string, kind: 'live' | 'held' | 'lost'): void {
  const state = byId('state');
  state.dataset['kind'] = kind;
  setText(state, text);
}

/** Connects to the program and shows what it sends. @returns what draws the frame that is shown once more */
export function follow<Hello extends { readonly subject: string }, Frame>(view: LiveView<Hello, Frame>): () => void {
  let latest: Frame | undefined;
  let shown: Frame | undefined;
  let paused = false;
  const showLatest = (): void => {
    shown = latest;
    if (shown !== undefined && !document.hidden) view.show(shown);
  };
  const take = (event: Event, isNew: boolean): void => {
    latest = JSON.parse((event as MessageEvent<string>).data) as Frame;
    if (isNew) view.take(latest);
    if (!paused) showLatest();
  };
  // The token has become a cookie: it need not stay in the address, the history or a screenshot.
  if (location.search !== '') history.replaceState(null, '', location.pathname);
  const source = new EventSource('/events');
  source.addEventListener('hello', (event) => {
    const hello = JSON.parse((event as MessageEvent<string>).data) as Hello;
    setText(byId('subject'), hello.subject);
    document.title = view.title(hello.subject);
    view.hello(hello);
    if (!paused) showState('live', 'live');
  });
  source.addEventListener('last', (event) => take(event, false));
  source.addEventListener('frame', (event) => take(event, true));
  source.addEventListener('bye', () => {
    source.close();
    showState('the program has ended; these are its last figures', 'lost');
  });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) showState('no connection: open the printed address again', 'lost');
    else showState('connection lost; trying again', 'lost');
  });
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    document.documentElement.classList.toggle('paused', paused);
    showState(paused ? 'paused' : 'live', paused ? 'held' : 'live');
    if (!paused) showLatest();
  });
  document.addEventListener('visibilitychange', () => !paused && showLatest());
  return () => shown !== undefined && view.show(shown);
}

/** Names what scrolls by itself: it must be reachable by keyboard, and then it wants a name. */
export function nameScrolling(names: readonly (readonly [id: string, name: string])[]): void {
  for (const [id, name] of names) {
    byId(id).tabIndex = 0;
    byId(id).setAttribute('role', 'region');
    byId(id).setAttribute('aria-label', name);
  }
}
