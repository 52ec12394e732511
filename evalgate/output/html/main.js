// Starts the page, keeps its state in the address, and answers to keys.

let tables = [];
let current = null;
let started = false;

function remember(table) {
  if (!started) return;
  current = table;
  const form = table.root.querySelector('.filters');
  const state = new URLSearchParams();
  if (tables.length > 1) state.set('suite', tables.indexOf(table));
  if (form.elements.q.value) state.set('q', form.elements.q.value);
  if (form.elements.show.value !== 'all') state.set('show', form.elements.show.value);
  if (form.elements.sort.value !== 'worst') state.set('sort', form.elements.sort.value);
  if (table.open) {
    state.set('case', table.open.id);
    if (table.trial !== null) state.set('trial', table.trial);
  }
  const text = state.toString();
  if (!text && !location.hash.includes('=')) return;
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

async function restore() {
  const state = new URLSearchParams(location.hash.slice(1));
  if (!location.hash.includes('=')) return;
  const table = tables[Number(state.get('suite') ?? 0)] ?? tables[0];
  if (!table) return;
  const form = table.root.querySelector('.filters');
  form.elements.q.value = state.get('q') ?? '';
  for (const name of ['show', 'sort']) {
    const value = state.get(name);
    const known = [...form.elements[name].options].some((option) => option.value === value);
    if (known) form.elements[name].value = value;
  }
  const wanted = state.get('case');
  const one = table.all.find((row) => row.id === wanted);
  const trial = state.get('trial');
  table.filter();
  if (one) await openCase(table, one, trial === null ? null : Number(trial));
}

async function openCase(table, one, trial = null) {
  table.reveal(one);
  const opening = table.openRow(one);
  table.trial = trial;
  await opening;
  const button = table.button(one);
  button.focus();
  button.closest('tr').scrollIntoView({ block: 'start' });
}

function focused() {
  const order = document.activeElement?.dataset?.order;
  if (order !== undefined) return current.all[Number(order)];
  return current.open;
}

function step_(by) {
  const rows = current.shown;
  const from = rows.indexOf(focused());
  const to = from < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, from + by));
  if (!rows[to]) return;
  current.reveal(rows[to]);
  const button = current.button(rows[to]);
  button.focus();
  button.scrollIntoView({ block: 'nearest' });
}

function stepFailed(by) {
  const rows = current.shown;
  const from = rows.indexOf(focused());
  for (let i = from < 0 && by < 0 ? rows.length - 1 : from + by; rows[i]; i += by) {
    if (FAILED.has(rows[i].state)) {
      openCase(current, rows[i]);
      return;
    }
  }
}

function nextTrial() {
  const tabs = [...current.root.querySelectorAll('.tabs button')];
  const at = tabs.findIndex((tab) => tab.getAttribute('aria-pressed') === 'true');
  tabs[(at + 1) % tabs.length]?.click();
}

function onlyFailed() {
  const { show } = current.root.querySelector('.filters').elements;
  show.value = show.value === 'not passed' ? 'all' : 'not passed';
  current.filter();
}

const ACTIONS = {
  '/': () => current.root.querySelector('input[type=search]').focus(),
  j: () => step_(1),
  k: () => step_(-1),
  n: () => stepFailed(1),
  p: () => stepFailed(-1),
  t: nextTrial,
  f: onlyFailed,
  Escape: () => {
    const open = current.open;
    if (!open) return;
    current.close();
    current.button(open)?.focus();
  },
  g: () => {
    window.scrollTo(0, 0);
    document.getElementById('top').focus();
  },
  '?': () => {
    const keys = document.getElementById('keys');
    keys.scrollIntoView();
    keys.focus();
  },
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !current) return;
  const typing = event.target.closest('input, select, textarea');
  if (typing) {
    if (event.key === 'Escape') typing.blur();
    return;
  }
  const action = Object.hasOwn(ACTIONS, event.key) ? ACTIONS[event.key] : null;
  if (action) {
    event.preventDefault();
    action();
  }
}

function onLink(event) {
  const link = event.target.closest('a[data-case]');
  if (!link) return;
  event.preventDefault();
  const table = tables[Number(link.closest('.suite').dataset.suite)];
  const one = table.all.find((row) => row.id === link.dataset.case);
  if (one) openCase(table, one);
}

async function start() {
  const index = await unpack(document.getElementById('index'));
  tables = index.map((suite, i) =>
    makeTable(suite, document.getElementById(`suite-${i}`), remember),
  );
  current = tables[0] ?? null;
  for (const table of tables) {
    table.filter();
    table.root.addEventListener('focusin', () => {
      current = table;
    });
    if (table.suite.left_out) {
      table.root
        .querySelector('.count')
        .after(
          el(
            'p',
            { class: 'dim' },
            `The trajectories of ${table.suite.left_out} cases are left out to keep the page small.`,
          ),
        );
    }
  }
  current = tables[0] ?? null;
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', onLink);
  window.addEventListener('hashchange', restore);
  await restore();
  started = true;
  document.documentElement.dataset.ready = 'yes';
}

start().catch((error) => {
  const said = `The list of cases cannot be shown: ${error.message}. It needs a browser of 2023 or newer.`;
  for (const list of document.querySelectorAll('.list')) list.replaceChildren(el('p', {}, said));
  document.documentElement.dataset.ready = 'failed';
});
