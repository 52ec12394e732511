// An opened case: what was asked, each trial beside the baseline's, answer, claims, scores.

const CHANGES = {
  same: 'same',
  added: 'added',
  removed: 'removed',
  arguments: 'other arguments',
  result: 'other result',
};

async function casePanel(table, one) {
  const panel = el('div', { class: 'panel', role: 'region', 'aria-label': `case ${one.id}` });
  if (one.place < 0) {
    const command = `evalgate show RUN ${one.id}`;
    panel.append(
      el(
        'p',
        {},
        'The trajectory of this case is left out to keep the page small: ',
        el('code', {}, command),
      ),
    );
    return panel;
  }
  const detail = (await chunk(one.place))[one.at];
  panel.append(asked(detail));
  if (!detail.trials.length) {
    const said =
      one.state === 'missing'
        ? 'It was not run.'
        : 'There is only the comparison, and no trial of it.';
    panel.append(el('p', {}, said));
    if (detail.what.length) panel.append(lines(detail.what));
    return panel;
  }
  const wanted = detail.trials.find((trial) => trial.n === table.trial);
  const first = wanted ?? detail.trials.find((trial) => trial.failed) ?? detail.trials[0];
  const body = el('div', { class: 'trial' });
  const tabs = el('div', { class: 'tabs', role: 'group', 'aria-label': 'trials' });
  const show = (trial) => {
    table.trial = trial.n;
    for (const tab of tabs.children) {
      tab.setAttribute('aria-pressed', String(Number(tab.dataset.trial) === trial.n));
    }
    body.replaceChildren(...trialParts(trial, detail));
    remember(table);
  };
  for (const trial of detail.trials) {
    const mark = trial.failed ? '✗' : '✓';
    const tab = el('button', { type: 'button', 'data-trial': trial.n }, `${mark} trial ${trial.n}`);
    tab.addEventListener('click', (event) => {
      event.stopPropagation();
      show(trial);
    });
    tabs.append(tab);
  }
  if (detail.trials.length > 1) panel.append(tabs);
  panel.append(body);
  show(first);
  return panel;
}

function asked(detail) {
  const rows = [];
  const add = (name, value) => rows.push(el('dt', {}, name), el('dd', {}, value));
  if (detail.asked) add('asked', longText(detail.asked));
  for (const [name, text] of detail.expected) add(`expected ${name}`, longText(text));
  if (detail.reproduce) add('run it alone', el('code', {}, detail.reproduce));
  return el('dl', { class: 'asked' }, ...rows);
}

function lines(texts, css = '') {
  if (!texts.length) return null;
  return el('ul', { class: css }, ...texts.map((text) => el('li', {}, el('pre', {}, text))));
}

function* trialParts(trial, detail) {
  const ended = trial.status === 'finished' ? '' : `, ${trial.status.replace('_', ' ')}`;
  const word =
    trial.status === 'not_measured' ? 'not measured' : (trial.failed ? 'failed' : 'passed') + ended;
  yield el(
    'p',
    { class: trial.failed ? 'ended bad' : 'ended' },
    `Trial ${trial.n}: ${word}`,
    trial.base
      ? ` · beside it trial ${trial.base.n} of ${trial.base.run}, which ` +
          `${trial.base.failed ? 'failed' : 'passed'}`
      : ' · no trajectory of the baseline is at hand',
  );
  if (trial.error) yield longText(trial.error, 'error');
  const said = trial.details.filter((text) => !trial.error || !text.includes(trial.error));
  const list = lines(said, 'findings');
  if (list) yield list;
  yield el('h3', {}, 'What happened');
  yield trial.steps ? steps(trial) : el('p', {}, 'There is no trace of this trial.');
  yield el('h3', {}, 'Answer');
  yield answer(trial);
  if (trial.claims.length) yield claims(trial);
  if (detail.contexts.length) yield contexts(trial, detail);
  yield el('h3', {}, 'Scores');
  yield scores(trial);
}

function steps(trial) {
  const grid = el('div', { class: trial.base ? 'steps two' : 'steps' });
  if (trial.base) {
    grid.append(el('p', { class: 'side' }, 'baseline'), el('p', { class: 'side' }, 'now'));
  }
  trial.steps.rows.forEach(([change, after, before, changes], i) => {
    if (i === trial.steps.first) {
      grid.append(el('p', { class: 'divergence' }, 'first divergence'));
    }
    if (change === 'same') {
      grid.append(step(after, 'same', '', []));
      return;
    }
    grid.append(
      before
        ? step(before, `${change} old`, change === 'removed' ? 'removed' : 'was', [])
        : el('div', { class: 'step none' }, 'not in the baseline'),
      after
        ? step(
            after,
            change,
            after[0] === 'llm_call' && before ? 'other message' : CHANGES[change],
            changes,
          )
        : el('div', { class: 'step none' }, 'not now'),
    );
  });
  if (!trial.steps.rows.length) grid.append(el('p', {}, 'Nothing was seen.'));
  return grid;
}

function step([kind, head, meta, parts], css, label, changes) {
  const made = el('div', { class: `step ${kind} ${css}` });
  made.append(
    el(
      'p',
      { class: 'head' },
      label ? el('span', { class: 'label' }, label) : null,
      el('span', { class: 'name' }, head),
      meta ? el('span', { class: 'meta' }, meta) : null,
    ),
  );
  for (const [name, text] of parts) {
    if (!text) continue;
    made.append(
      el(
        'div',
        { class: 'part' },
        name ? el('span', { class: 'dim' }, name) : null,
        longText(text),
      ),
    );
  }
  if (changes.length) made.append(lines(changes, 'changes'));
  return made;
}

function answer(trial) {
  const said = el('pre', { class: 'answer' });
  let at = 0;
  for (const [start, end, index] of trial.spans) {
    const supported = trial.claims[index][1];
    said.append(
      trial.answer.slice(at, start),
      el(
        'mark',
        { class: supported ? 'supported' : 'unsupported' },
        trial.answer.slice(start, end),
        el('span', { class: 'hidden' }, supported ? ' (supported)' : ' (unsupported)'),
      ),
    );
    at = end;
  }
  said.append(trial.answer.slice(at) || (at ? '' : '(none)'));
  const box = el('div', {}, said);
  if (trial.base && trial.base.diff) {
    const diff = el('pre', { class: 'diff' });
    for (const piece of trial.base.diff) {
      if (typeof piece === 'string') diff.append(piece);
      else {
        if (piece[0]) diff.append(el('del', {}, piece[0]));
        if (piece[1]) diff.append(el('ins', {}, piece[1]));
      }
    }
    box.append(el('p', { class: 'dim' }, 'against the baseline'), diff);
  } else if (trial.base) box.append(el('p', { class: 'dim' }, 'the same as in the baseline'));
  return box;
}

function claims(trial) {
  const items = trial.claims.map(([text, supported, quote]) =>
    el(
      'li',
      { class: supported ? 'supported' : 'unsupported' },
      el('span', { class: 'label' }, supported ? 'supported' : 'unsupported'),
      ` ${text}`,
      quote ? el('q', {}, quote) : null,
    ),
  );
  return el(
    'div',
    {},
    el('h3', {}, 'Claims of the answer'),
    el('ul', { class: 'claims' }, ...items),
  );
}

function contexts(trial, detail) {
  const quotes = trial.claims.filter(([, , quote]) => quote).map(([, , quote]) => quote);
  const items = detail.contexts.map((text) => el('li', {}, quoted(text, quotes)));
  return el(
    'details',
    {},
    el('summary', {}, `${detail.contexts.length} contexts of the case`),
    el('ol', { class: 'contexts' }, ...items),
  );
}

function quoted(text, quotes) {
  const pre = el('pre');
  let at = 0;
  const places = quotes
    .map((quote) => [text.indexOf(quote), quote.length])
    .filter(([start]) => start >= 0)
    .sort((a, b) => a[0] - b[0]);
  for (const [start, length] of places) {
    if (start < at) continue;
    pre.append(
      text.slice(at, start),
      el('mark', { class: 'supported' }, text.slice(start, start + length)),
    );
    at = start + length;
  }
  pre.append(text.slice(at));
  return pre;
}

function scores(trial) {
  const isMoved = ([, value, was]) => was !== null && value !== was;
  const telling = trial.scores.filter(
    ([, value, was]) => typeof value === 'number' && isMoved([0, value, was]),
  );
  const rest = trial.scores.filter((score) => !telling.includes(score));
  const first = rest.filter(([name]) => name === 'task_success');
  const others = rest.filter((score) => !first.includes(score));
  const box = el('div', {}, scoreTable([...first, ...telling]));
  if (others.length) {
    box.append(
      el('details', {}, el('summary', {}, `${others.length} other scores`), scoreTable(others)),
    );
  }
  return box;
}

function scoreTable(rows) {
  const cell = (value) =>
    typeof value === 'number' ? String(Number(value.toPrecision(4))) : (value ?? '');
  const made = rows.map(([name, value, was]) =>
    el(
      'tr',
      { class: typeof value === 'string' ? 'odd' : was !== null && was !== value ? 'moved' : '' },
      el('th', { scope: 'row' }, name),
      el('td', { class: 'num' }, was === null ? '' : cell(was)),
      el('td', { class: typeof value === 'string' ? '' : 'num' }, cell(value)),
    ),
  );
  const head = el(
    'thead',
    {},
    el(
      'tr',
      {},
      el('th', { scope: 'col' }, 'score'),
      el('th', { scope: 'col', class: 'num' }, 'baseline'),
      el('th', { scope: 'col', class: 'num' }, 'now'),
    ),
  );
  return el('table', { class: 'scores' }, head, el('tbody', {}, ...made));
}
