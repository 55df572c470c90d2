import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PathDescription, pathRules } from '../facts/path-rules.js';
import { layoutBytes, layoutOf } from './layout.js';
import { type PredictPath, predict } from './predict.js';

const pages = layoutOf(new Array(16).fill(4096));
const rulesOf = (path: PredictPath, layout = pages): string[] => predict(layout, path).findings.map((one) => one.rule);

test('a zero-copy send of pages on a good path copies nothing', () => {
  const prediction = predict(pages, { way: 'zerocopy', nic: 'i40e', mtu: 1500 });
  assert.deepEqual(prediction.findings, []);
  assert.equal(prediction.amplification, 0);
  assert.equal(prediction.supers[0]!.fragments, 16);
});

test('each rule of the path is found, and names its kernel function', () => {
  const cases: [Partial<PredictPath>, string][] = [
    [{ local: 'loopback' }, 'skb_orphan_frags_rx'],
    [{ local: 'veth' }, 'skb_orphan_frags_rx'],
    [{ capture: true }, 'dev_queue_xmit_nit'],
    [{ tap: true }, 'tun_net_xmit'],
    [{ vhost: true }, 'handle_tx_copy'],
    [{ tc: ['mirror'] }, 'tcf_mirred_act'],
    [{ tc: ['netem-corrupt'] }, 'netem_enqueue'],
    [{ tc: ['bpf-pull'] }, 'bpf_skb_pull_data'],
    [{ firewall: ['sip-helper'] }, 'sip_help_tcp'],
    [{ firewall: ['ftp-helper'] }, 'nf_conntrack_ftp'],
    [{ firewall: ['nfqueue'] }, 'nfqnl_build_packet_message'],
    [{ firewall: ['nfqueue-gso'] }, 'nfqnl_build_packet_message'],
    [{ encapsulation: 'vxlan', encapsulationOffload: false }, 'skb_segment'],
    [{ encapsulation: 'ipsec' }, 'esp_output'],
    [{ encapsulation: 'wireguard' }, 'wg_packet_encrypt_worker'],
    [{ ktls: 'software' }, 'tls_push_record'],
    [{ genericXdp: true }, 'netif_receive_generic_xdp'],
    [{ scatterGather: false }, 'skb_segment'],
    [{ scatterGather: false, protocol: 'udp' }, '__ip_append_data'],
    [{ xdpOnVethPeer: true }, 'veth_xdp_rcv_skb'],
    [{ checksumOffload: false }, 'skb_checksum_help'],
    [{ mtu: 9000, pathMtu: 1400 }, 'tcp_fragment'],
  ];
  for (const [change, expected] of cases) {
    const found = rulesOf({ way: 'zerocopy', ...change });
    assert.ok(
      found.some((rule) => rule.includes(expected)),
      `${JSON.stringify(change)}: ${found.join('; ')}`,
    );
  }
});

test('what was copied is no longer referenced: later rules about references do not copy it again', () => {
  const onVeth = (change: Partial<PredictPath>) => predict(pages, { way: 'zerocopy', local: 'veth', ...change });
  assert.equal(onVeth({}).amplification, 1);
  assert.equal(onVeth({ tc: ['bpf-pull'] }).amplification, 1);
  assert.equal(onVeth({ scatterGather: false }).amplification, 1);
  assert.equal(onVeth({ checksumOffload: false }).amplification, 1);
  assert.equal(onVeth({ xdpOnVethPeer: true }).amplification, 1);
  assert.equal(onVeth({ capture: true }).amplification, 2);
  assert.equal(onVeth({ genericXdp: true }).amplification, 2);
});

test('without scatter-gather every TCP payload is copied once more, without checksum offload only references are', () => {
  assert.equal(predict(pages, { way: 'gather', scatterGather: false }).amplification, 2);
  assert.equal(predict(pages, { way: 'sendfile', scatterGather: false }).amplification, 1);
  assert.equal(predict(pages, { way: 'gather', checksumOffload: false }).amplification, 1);
  assert.equal(predict(pages, { way: 'sendfile', checksumOffload: false }).amplification, 1);
});

test('NFQUEUE without GSO both cuts and copies; with it, it only copies', () => {
  const cut = (firewall: 'nfqueue' | 'nfqueue-gso') =>
    predict(pages, { way: 'copy', firewall: [firewall] }).findings.map((one) => one.kind);
  assert.deepEqual(cut('nfqueue'), ['expand', 'copy']);
  assert.deepEqual(cut('nfqueue-gso'), ['copy']);
});

test('sendfile keeps its reference where user pages are copied: loopback and captures', () => {
  assert.equal(predict(pages, { way: 'sendfile', local: 'loopback' }).amplification, 0);
  assert.equal(predict(pages, { way: 'sendfile', capture: true }).amplification, 0);
  assert.equal(predict(pages, { way: 'zerocopy', local: 'loopback' }).amplification, 1);
});

test('plain conntrack, NAT and option stripping copy no payload and are named as harmless', () => {
  const prediction = predict(pages, { way: 'zerocopy', firewall: ['conntrack', 'nat', 'tcp-option-strip', 'log'] });
  assert.deepEqual(prediction.findings, []);
  assert.equal(prediction.harmless.length, 4);
});

test('the driver’s rule is applied to the super-packets the kernel makes', () => {
  const tiny = layoutOf(new Array(40).fill(100));
  const prediction = predict(tiny, { way: 'zerocopy', nic: 'i40e', mtu: 1500 });
  assert.equal(prediction.findings[0]!.rule, '__i40e_chk_linearize');
  assert.ok(prediction.findings[0]!.avoid.includes('242'));
  assert.deepEqual(
    rulesOf({ way: 'gather', nic: 'i40e', mtu: 1500 }, tiny),
    [],
    'what the call gathers is in large blocks',
  );
});

test('the bytes of the super-packets are those of the message, and no finding has more than twice its bytes', () => {
  const path = fc.record({
    way: fc.constantFrom('copy', 'gather', 'sendfile', 'zerocopy', 'send_zc'),
    nic: fc.constantFrom('i40e', 'gve', 'ena', 'mlx5'),
    capture: fc.boolean(),
    tap: fc.boolean(),
    mtu: fc.constantFrom(1500, 9000),
  });
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 60 }),
      path,
      (lengths, given) => {
        const layout = layoutOf(lengths);
        const prediction = predict(layout, given as PredictPath);
        const sum = prediction.supers.reduce((total, one) => total + one.bytes, 0);
        assert.equal(sum, layoutBytes(layout));
        for (const one of prediction.supers) assert.ok(one.fragments <= 17);
        for (const one of prediction.findings) assert.ok(one.bytes <= 2 * layoutBytes(layout));
      },
    ),
  );
});

test('every rule of the table says why and what to change', () => {
  const everything: PathDescription = {};
  for (const rule of pathRules) {
    assert.equal(
      rule.bytes(everything, { bytes: 1000, protocol: 'tcp', references: true, userPages: true }),
      0,
      rule.rule,
    );
    for (const text of [rule.rule, rule.source, rule.why, rule.avoid]) assert.ok(text.length > 3, rule.rule);
  }
});
