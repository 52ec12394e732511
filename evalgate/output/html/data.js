// Reads the page's data, and makes elements. Text from outside is only ever set as text.

const unpacked = new Map();

async function unpack(element) {
  const packed = atob(element.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
}

function chunk(number) {
  if (!unpacked.has(number)) {
    unpacked.set(number, unpack(document.querySelector(`script[data-chunk="${number}"]`)));
  }
  return unpacked.get(number);
}

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'onclick') made.addEventListener('click', value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const LONG = 700;

// A text as it came; a long one is cut, with a button that shows the rest.
function longText(text, css = '') {
  const pre = el('pre', { class: css });
  if (text.length <= LONG) {
    pre.append(text);
    return pre;
  }
  pre.append(`${text.slice(0, LONG)}…`);
  const more = el(
    'button',
    { type: 'button', class: 'more' },
    `show all ${text.length} characters`,
  );
  more.addEventListener('click', () => {
    pre.textContent = text;
    more.remove();
  });
  return el('div', {}, pre, more);
}

function percent(value) {
  if (value === null || value === undefined) return 'unknown';
  return `${(value * 100).toFixed(value === 0 || value === 1 ? 0 : 1)} %`;
}

function dollars(value) {
  return value === null ? 'unknown' : `$${Number(value.toPrecision(3))}`;
}

function seconds(value) {
  return value === null ? 'unknown' : `${Number(value.toPrecision(3))} s`;
}
