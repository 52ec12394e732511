// The list of cases: filter, search, sort; a hundred rows at a time.

const PAGE = 100;
const FAILED = new Set(['regressed', 'errored', 'missing', 'not measured', 'failed']);

function readCase(states, row, order) {
  const [id, state, why, success, before, cost, time, tags, trials, failed, place, at] = row;
  const name = states[state];
  const words = `${id} ${name} ${tags.join(' ')} ${why}`.toLowerCase();
  return {
    id,
    state: name,
    rank: state,
    why,
    success,
    before,
    cost,
    time,
    tags,
    trials,
    failed,
    place,
    at,
    order,
    words,
  };
}

const SORTS = {
  worst: (a, b) => a.order - b.order,
  id: (a, b) => (a.id < b.id ? -1 : 1),
  cost: (a, b) => (b.cost ?? -1) - (a.cost ?? -1) || a.order - b.order,
  time: (a, b) => (b.time ?? -1) - (a.time ?? -1) || a.order - b.order,
  change: (a, b) => moved(a) - moved(b) || a.order - b.order,
};

function moved(one) {
  return one.success === null || one.before === null ? 0 : one.success - one.before;
}

function makeTable(suite, root, changed) {
  const all = suite.cases.map((row, i) => readCase(suite.states, row, i));
  const form = root.querySelector('.filters');
  const list = root.querySelector('.list');
  const count = root.querySelector('.count');
  const table = { all, shown: [], root, suite, open: null, limit: PAGE, trial: null };
  fillShow(form.elements.show, all);

  const body = el('tbody');
  const more = el('button', { type: 'button', class: 'more' });
  more.addEventListener('click', () => {
    table.limit += PAGE;
    table.draw();
  });
  list.replaceChildren(
    el('table', { class: 'cases' }, el('caption', { class: 'hidden' }, 'cases'), caseHead(), body),
    more,
  );

  table.filter = () => {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const show = form.elements.show.value;
    table.shown = all
      .filter((one) => isShown(one, show) && words.every((word) => one.words.includes(word)))
      .sort(SORTS[form.elements.sort.value]);
    table.limit = PAGE;
    table.draw();
  };
  table.draw = () => {
    const rows = table.shown.slice(0, table.limit);
    body.replaceChildren(...rows.map((one) => caseRow(table, one)));
    const rest = table.shown.length - rows.length;
    more.hidden = rest <= 0;
    more.textContent = `show ${Math.min(rest, PAGE)} more of ${rest}`;
    count.textContent = `${table.shown.length} of ${all.length} cases`;
    if (table.open && rows.includes(table.open)) table.openRow(table.open);
    changed(table);
  };
  table.button = (one) => body.querySelector(`button[data-order="${one.order}"]`);
  table.reveal = (one) => {
    if (!table.shown.includes(one)) {
      form.elements.q.value = '';
      form.elements.show.value = 'all';
      table.filter();
    }
    const place = table.shown.indexOf(one);
    if (place >= table.limit) {
      table.limit = Math.ceil((place + 1) / PAGE) * PAGE;
      table.draw();
    }
  };
  table.close = () => {
    body.querySelector('tr.opened')?.remove();
    const button = table.open && table.button(table.open);
    button?.setAttribute('aria-expanded', 'false');
    table.open = null;
    changed(table);
  };
  table.openRow = async (one) => {
    body.querySelector('tr.opened')?.remove();
    body.querySelector('[aria-expanded="true"]')?.setAttribute('aria-expanded', 'false');
    if (table.open !== one) table.trial = null;
    table.open = one;
    const button = table.button(one);
    button.setAttribute('aria-expanded', 'true');
    const cell = el('td', { colspan: 7 }, el('p', { class: 'dim' }, 'reading…'));
    button.closest('tr').after(el('tr', { class: 'opened' }, cell));
    const panel = await casePanel(table, one);
    if (table.open === one) cell.replaceChildren(panel);
    changed(table);
  };
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', table.filter);
  form.addEventListener('change', table.filter);
  return table;
}

function isShown(one, show) {
  if (show === 'all') return true;
  return show === 'not passed' ? FAILED.has(one.state) : one.state === show;
}

function fillShow(select, all) {
  const counts = new Map();
  for (const one of all) counts.set(one.state, (counts.get(one.state) ?? 0) + 1);
  const failed = all.filter((one) => FAILED.has(one.state)).length;
  select.options[0].textContent = `all ${all.length}`;
  select.append(el('option', { value: 'not passed' }, `not passed (${failed})`));
  for (const [state, n] of counts) {
    select.append(el('option', { value: state }, `${state} (${n})`));
  }
}

function caseHead() {
  const names = ['state', 'case', 'what went wrong', 'success', 'trials failed', 'cost', 'time'];
  const cells = names.map((name, i) => el('th', { scope: 'col', class: i > 2 ? 'num' : '' }, name));
  return el('thead', {}, el('tr', {}, ...cells));
}

function caseRow(table, one) {
  const button = el(
    'button',
    { type: 'button', class: 'case', 'aria-expanded': 'false', 'data-order': one.order },
    one.id,
  );
  const tags = one.tags.map((tag) => el('span', { class: 'tag' }, tag));
  const was = one.before === null || one.before === one.success ? '' : `${percent(one.before)} → `;
  const row = el(
    'tr',
    { class: FAILED.has(one.state) ? 'bad' : '' },
    el('td', {}, el('span', { class: `state s${one.rank}` }, one.state)),
    el('th', { scope: 'row' }, button, ...tags),
    el('td', { class: 'why' }, one.why.split('\n').slice(0, 3).join('\n')),
    el('td', { class: 'num', 'data-name': 'success' }, was + percent(one.success)),
    el('td', { class: 'num', 'data-name': 'failed' }, `${one.failed} of ${one.trials}`),
    el('td', { class: 'num', 'data-name': 'cost' }, dollars(one.cost)),
    el('td', { class: 'num', 'data-name': 'time' }, seconds(one.time)),
  );
  row.addEventListener('click', (event) => {
    if (window.getSelection().isCollapsed || event.target === button) toggle(table, one);
  });
  return row;
}

function toggle(table, one) {
  if (table.open === one) table.close();
  else table.openRow(one);
}
