/// <reference lib="dom" />
// The controls of the plan page, built from the table of fields: sliders over sensible stops, lists, switches. They read and write one
// scenario and know nothing of what is drawn from it.

import { byId } from '../../ui/dom.js';
import { formatRate, formatSize } from '../answers/report.js';
import { type Field, type FieldName, fieldNames, fields, type Scenario } from '../scenario.js';
import { safe } from './html.js';

const powers = (from: number, to: number): number[] => {
  const out: number[] = [];
  for (let power = from; power <= to; power += 1) out.push(2 ** power);
  return out;
};

/** What a slider stops at; a value from a link that is not among them is added. */
const stops: Partial<Record<FieldName, readonly (string | number)[]>> = {
  message: powers(6, 24),
  fragments: powers(0, 8),
  page: [4096, 65_536, 2 ** 21, 2 ** 30],
  rxBuffer: powers(11, 16),
  gsoMax: [16_384, 32_768, 65_536, 131_072, 184_320, 262_144, 524_288],
  maxFrags: [17, 25, 33, 45],
  mtu: [576, 1280, 1500, 2048, 4096, 9000, 16_384, 65_535],
  cores: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64],
  flows: [1, 2, 4, 8, 16, 32, 64, 128, 1000, 10_000],
  nic: [1e9, 10e9, 25e9, 40e9, 50e9, 100e9, 200e9, 400e9, 800e9],
  pcie: ['gen2x8', 'gen3x4', 'gen3x8', 'gen3x16', 'gen4x8', 'gen4x16', 'gen5x8', 'gen5x16', 'gen6x16'],
  iommuWindow: powers(14, 30),
  rules: [0, 1, 5, 10, 50, 100, 500, 1000, 5000, 10_000],
  cable: [0, 1, 2, 5, 10, 30, 100, 300, 1000, 10_000],
  switches: [0, 1, 2, 3, 4, 5],
  load: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95],
};

const labels: Partial<Record<FieldName, string>> = {
  message: 'Message',
  fragments: 'Fragments',
  page: 'Page of the payload',
  rxBuffer: 'Receive buffer',
  gsoMax: 'Largest super-packet',
  maxFrags: 'Fragments a super-packet',
  mtu: 'MTU',
  nic: 'Link rate',
  nicProfile: 'NIC',
  pcie: 'PCIe slot',
  mps: 'PCIe payload (MPS)',
  mrrs: 'PCIe read request (MRRS)',
  ip: 'IP version',
  cqeCompression: 'Completion compression',
  iommu: 'IOMMU',
  iommuWindow: 'DMA window',
  numa: 'Memory',
  gro: 'GRO',
  udpGro: 'UDP_GRO',
  lro: 'LRO (by the NIC)',
  nodelay: 'TCP_NODELAY',
  fib: 'Routing table',
  receive: 'Reader takes it by',
  way: 'Way out',
  softirq: 'Interrupts on cores',
  rules: 'Rules walked',
  source: 'Payload lies in',
  direction: 'Ends modelled',
  load: 'Load',
  queue: 'Queueing law',
  cable: 'Cable (m)',
  tc: 'Traffic control',
  capture: 'A capture listens',
  vlan: 'VLAN tag',
  tunnelOffload: 'Tunnel known to the NIC',
};

const groups: { id: Field['group']; title: string; open: boolean }[] = [
  { id: 'traffic', title: 'Message', open: true },
  { id: 'way', title: 'Path and send mode', open: true },
  { id: 'device', title: 'NIC, PCIe, device', open: true },
  { id: 'processor', title: 'Processor', open: true },
  { id: 'rules', title: 'Filter, tunnel, routes', open: true },
  { id: 'time', title: 'Distance and load', open: false },
];

const wrong = (name: FieldName): boolean => name === 'name';

/** A field's label: its own words, or its name with a capital. */
function labelOf(name: FieldName): string {
  return labels[name] ?? name.charAt(0).toUpperCase() + name.slice(1);
}

/** How a value is shown beside its slider. */
function shownValue(name: FieldName, value: string | number | boolean): string {
  const { kind } = fields[name];
  if (kind === 'size') return formatSize(Number(value));
  if (kind === 'rate') return formatRate(Number(value)).replace('.0 ', ' ');
  if (name === 'load') return `${Math.round(Number(value) * 100)} %`;
  if (kind === 'number') return Number(value).toLocaleString('en');
  return String(value);
}

function stopsOf(name: FieldName, value: string | number): (string | number)[] {
  const list = [...(stops[name] ?? [])];
  if (list.includes(value)) return list;
  return typeof value === 'number' ? [...list, value].sort((a, b) => Number(a) - Number(b)) : [...list, value];
}

function control(name: FieldName, scenario: Scenario): string {
  const field = fields[name];
  const id = `f-${name}`;
  const value = scenario[name];
  const title = `title="${safe(field.about)}"`;
  if (field.kind === 'flag') {
    return `<div class="field" ${title}><label for="${id}">${labelOf(name)}</label><input type="checkbox" id="${id}" data-field="${name}"${value ? ' checked' : ''}></div>`;
  }
  if (field.kind === 'choice') {
    const options = (field.values ?? [])
      .filter((one) => one !== 'here')
      .map((one) => `<option value="${one}"${one === value ? ' selected' : ''}>${one}</option>`);
    return `<div class="field" ${title}><label for="${id}">${labelOf(name)}</label><select id="${id}" data-field="${name}">${options.join('')}</select></div>`;
  }
  const list = stopsOf(name, value as string | number);
  const index = list.indexOf(value as string | number);
  const shown = shownValue(name, value);
  return `<div class="field" ${title}><label for="${id}">${labelOf(name)}</label><output id="o-${name}" for="${id}">${shown}</output><input type="range" id="${id}" data-field="${name}" data-stops="${safe(JSON.stringify(list))}" min="0" max="${list.length - 1}" step="1" value="${index}" aria-valuetext="${shown}"></div>`;
}

/** Draws all controls for a scenario. */
export function drawControls(scenario: Scenario): void {
  const open = new Map(
    [...document.querySelectorAll<HTMLDetailsElement>('#controls details')].map((one) => [one.id, one.open]),
  );
  const focused = document.activeElement?.id ?? '';
  byId('controls').innerHTML = groups
    .map(({ id, title, open: first }) => {
      const names = fieldNames.filter((name) => fields[name].group === id && !wrong(name));
      const isOpen = open.get(`g-${id}`) ?? (first && (id === 'traffic' || window.innerWidth > 900));
      return `<details id="g-${id}"${isOpen ? ' open' : ''}><summary>${title}</summary><fieldset aria-label="${title}">${names.map((name) => control(name, scenario)).join('')}</fieldset></details>`;
    })
    .join('');
  // Who moves a control by keyboard keeps it when the others are drawn anew.
  if (focused.startsWith('f-')) document.getElementById(focused)?.focus();
}

/** The field and value an event changed, or undefined when it was not a control's. */
export function changeOf(event: Event): { name: FieldName; value: string | number | boolean } | undefined {
  const input = event.target;
  if (!(input instanceof HTMLInputElement || input instanceof HTMLSelectElement)) return undefined;
  const name = input.dataset.field as FieldName | undefined;
  if (!name) return undefined;
  if (input instanceof HTMLSelectElement) {
    const value = fields[name].values?.find((one) => String(one) === input.value);
    return value === undefined ? undefined : { name, value };
  }
  if (input.type === 'checkbox') return { name, value: input.checked };
  const list = JSON.parse(input.dataset.stops ?? '[]') as (string | number)[];
  const value = list[Number(input.value)];
  if (value === undefined) return undefined;
  const shown = shownValue(name, value);
  byId(`o-${name}`).textContent = shown;
  input.setAttribute('aria-valuetext', shown);
  return { name, value };
}
