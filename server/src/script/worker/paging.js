// `floh.http.paginate`, run at its first use, in the script's own realm. It sends pages as any request is sent.
(function (request, known, named, whole, links, set, web) {
  'use strict';
  const { isArray } = Array;
  const { URL, parse, isParams } = web;
  const error = (Type, name, message) => set(new Type(message), 'name', name);
  const text = (value) => `${value}`;

  // A list page by page. Half a list would look whole, so a page that cannot be read or followed is a failure.
  const REQUEST = ['method', 'url', 'query', 'headers', 'json', 'form', 'parts', 'multipart', 'body', 'retry', 'timeoutMs'];
  const PAGING = named(...REQUEST, 'by', 'items', 'next', 'param', 'more', 'start', 'maxPages', 'maxItems');
  const WAYS = { __proto__: null, link: null, next: null, cursor: 'cursor', page: 'page', offset: 'offset' };
  const FIRST = { __proto__: null, page: 1, offset: 0 };
  const MOST_PAGES = 45;

  const pointer = (name, value) => {
    if (typeof value !== 'string' || (value !== '' && value[0] !== '/')) {
      throw new TypeError(`${name} is a JSON pointer such as /data/items; the empty text is the whole body`);
    }
    const names = value.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    return (body) => names.reduce((at, part) => (typeof at === 'object' && at !== null && Object.hasOwn(at, part) ? at[part] : undefined), body);
  };

  const paginate = (options) => {
    known('floh.http.paginate', options, PAGING);
    const { by = 'link', items = '', next, more, maxItems = Infinity, url, query } = options;
    if (!(by in WAYS)) throw new TypeError('by is link, next, cursor, page or offset: how the next page is found');
    if ((by === 'next' || by === 'cursor') && next === undefined) {
      throw new TypeError(`next is the JSON pointer to the ${by === 'next' ? 'URL' : 'cursor'} of the next page; by: '${by}' needs it`);
    }
    const { param = WAYS[by], start = FIRST[by] } = options;
    const itemsOf = pointer('items', items);
    const nextOf = next === undefined ? undefined : pointer('next', next);
    const moreOf = more === undefined ? undefined : pointer('more', more);
    const maxPages = whole('maxPages', options.maxPages ?? MOST_PAGES, 1, 50);
    if (maxItems !== Infinity) whole('maxItems', maxItems, 1, 1000000);
    if (start !== undefined && by in FIRST) whole('start', start, 0, Number.MAX_SAFE_INTEGER);
    const first = new URL(url);
    const pairs = isParams(query) || isArray(query) ? [...query] : Object.entries(query ?? {});
    for (const [name, given] of pairs) {
      for (const value of isArray(given) ? given : [given]) {
        if (value !== undefined && value !== null) first.searchParams.append(name, value);
      }
    }
    const shared = {};
    for (const name of REQUEST) if (name !== 'url' && name !== 'query' && options[name] !== undefined) shared[name] = options[name];

    function* pages() {
      let [count, read, turned, target] = [0, 0, start, undefined];
      const seen = new Set();
      const failed = (why, from = {}) => {
        const failure = error(Error, 'HttpError', count === 0 ? why : `${count} page${count === 1 ? ' was' : 's were'} read, but not the rest: ${why}`);
        set(failure, 'code', from.code ?? 'paging');
        if (from.status !== undefined) set(failure, 'status', from.status);
        if (from.outcome !== undefined) set(failure, 'outcome', from.outcome);
        set(failure, 'pages', count);
        return set(failure, 'items', read);
      };
      // The path and query of a link, on the origin of the first request: behind proxies, services often name another.
      const follow = (link, from) => {
        const parts = parse(link, from);
        if (parts === null || !['http:', 'https:'].includes(parts[2])) throw failed('the link to the next page is no URL that can be called');
        const to = first.origin + parts[8] + parts[9];
        if (seen.has(to)) throw failed('a link leads to a page that was there before');
        seen.add(to);
        return to;
      };
      for (;;) {
        const at = new URL(target ?? first.href);
        if (target === undefined && turned !== undefined) at.searchParams.set(param, turned);
        if (count === 0) seen.add(at.href);
        let answer;
        try {
          answer = request({ ...shared, url: at.href });
        } catch (cause) {
          throw cause !== null && typeof cause === 'object' && cause.name === 'HttpError' ? failed(cause.message, cause) : cause;
        }
        if (answer.status < 200 || answer.status > 299) throw failed(`the service answered ${answer.status}`, { status: answer.status });
        const body = answer.body;
        // An empty answer says nothing of what follows, unless it says that there is nothing.
        if (body === null && (answer.status !== 204 || links.get(answer) !== undefined)) throw failed('the page is empty');
        const found = body === null ? null : itemsOf(body);
        if (found !== null && !isArray(found)) throw failed(items === '' ? 'the page is not a list' : `the page has no list at ${items}`);
        const list = found ?? [];
        count += 1;
        read += list.length;
        yield { answer, items: list };
        const goesOn = moreOf === undefined ? undefined : moreOf(body);
        if (body === null || goesOn === false) return;
        [target, turned] = [undefined, undefined];
        if (by === 'link') {
          const link = links.get(answer);
          if (link !== undefined) target = follow(link, at.href);
        } else if (by === 'page' || by === 'offset') {
          // Some services filter a page after it was cut, so an empty one may be followed by others.
          if (list.length > 0 || (by === 'page' && goesOn === true)) turned = (by === 'page' ? 1 : list.length) + Number(at.searchParams.get(param));
        } else {
          const step = nextOf(body);
          const isText = typeof step === 'string' || typeof step === 'number' || typeof step === 'bigint';
          if (!isText && step !== undefined && step !== null && step !== false) throw failed(`what leads to the next page is no text at ${next}`);
          if (isText && step !== '') {
            if (by === 'next' || /^https?:\/\//i.test(step)) target = follow(text(step), at.href);
            else turned = text(step);
          }
        }
        if (target === undefined && turned === undefined) {
          if (goesOn === true) throw failed('the page says that there are more, but not where');
          return;
        }
        if (count >= maxPages) throw failed(`there are more than ${maxPages} pages; ask for more items a page, for fewer items, or set maxPages`);
      }
    }
    function* each() {
      let left = maxItems;
      for (const page of pages()) {
        for (const item of page.items) {
          yield item;
          if (--left <= 0) return;
        }
      }
    }
    return Object.freeze({
      [Symbol.iterator]: each,
      async *[Symbol.asyncIterator]() {
        yield* each();
      },
      collect: () => [...each()],
      *pages() {
        for (const page of pages()) yield page.answer;
      },
    });
  };

  return paginate;
})
