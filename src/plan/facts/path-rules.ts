// The rules between the socket and the driver that copy a payload after all: device features, local delivery, taps, traffic control, packet
// filter, encapsulation, MTU. A table: condition, kernel function, bytes, and what to change.

/** What the path of a message is made of. Everything absent means: not there. */
export interface PathDescription {
  /** NETIF_F_SG: the device gathers fragments. */
  scatterGather?: boolean;
  /** Transmit checksum offload. */
  checksumOffload?: boolean;
  /** TSO (or USO for UDP). */
  tso?: boolean;
  /** Delivered to a socket of the same host: loopback, or a veth pair to a local namespace. */
  local?: 'loopback' | 'veth';
  /** A packet socket listens on the device (tcpdump, a capture agent). */
  capture?: boolean;
  /** The device is a tap or tun read by a process. */
  tap?: boolean;
  /** A vhost worker of the host takes the packet out of the guest. */
  vhost?: boolean;
  /** tc actions and queueing disciplines on the way. */
  tc?: readonly ('mirror' | 'pedit' | 'csum' | 'netem-corrupt' | 'bpf-pull' | 'police')[];
  /** Packet filter. */
  firewall?: readonly (
    | 'raw'
    | 'conntrack'
    | 'nat'
    | 'sip-helper'
    | 'ftp-helper'
    | 'nfqueue'
    | 'nfqueue-gso'
    | 'tcp-option-strip'
    | 'log'
  )[];
  /** Tunnel around the packet. */
  encapsulation?: 'none' | 'vxlan' | 'gre' | 'ipsec' | 'wireguard';
  /** The NIC segments inside the tunnel (tx-udp_tnl-segmentation and the like). */
  encapsulationOffload?: boolean;
  /** Software TLS on the socket. */
  ktls?: 'none' | 'software' | 'device';
  /** An XDP program in generic mode on the receiving device. */
  genericXdp?: boolean;
  /** An XDP program in the driver of the veth device at the receiving end. */
  xdpOnVethPeer?: boolean;
  /** MTU of the route, when a hop has a smaller one than the device. */
  pathMtu?: number;
  mtu?: number;
}

export interface PathFacts {
  bytes: number;
  protocol: 'tcp' | 'udp';
  /** The payload is referenced (pinned user pages or page cache), not copied by the call. */
  references: boolean;
  /** The reference is to user memory: MSG_ZEROCOPY, SEND_ZC (the page cache needs no private copy). */
  userPages: boolean;
}

export interface Finding {
  /** `linearise`: gathered into one block; `copy`: copied to other memory; `expand`: cut into more, smaller buffers. */
  kind: 'linearise' | 'copy' | 'expand';
  bytes: number;
  rule: string;
  source: string;
  why: string;
  avoid: string;
}

interface PathRule {
  rule: string;
  source: string;
  kind: Finding['kind'];
  why: string;
  avoid: string;
  /** Where it applies, what was referenced is the kernel's own copy from there on: no later rule finds a reference. */
  endsReference?: true;
  /** Bytes copied, 0 when the rule does not apply. */
  bytes: (path: PathDescription, facts: PathFacts) => number;
}

const orphan = 'net/core/skbuff.c: skb_orphan_frags_rx, skb_copy_ubufs';

export const pathRules: readonly PathRule[] = [
  {
    rule: '__ip_append_data',
    source: 'net/ipv4/ip_output.c: MSG_ZEROCOPY of UDP requires scatter-gather and checksum offload',
    kind: 'copy',
    why: 'the device gathers no fragments, so the call copies at once although it was asked for a reference',
    avoid: 'switch scatter-gather and checksum offload on: ethtool -K DEV sg on tx on',
    endsReference: true,
    bytes: (path, facts) =>
      facts.protocol === 'udp' && facts.userPages && (path.scatterGather === false || path.checksumOffload === false)
        ? facts.bytes
        : 0,
  },
  {
    rule: 'tcf_mirred_act → skb_clone, skb_orphan_frags_rx at the target',
    source: 'net/sched/act_mirred.c',
    kind: 'copy',
    why: 'the mirrored clone goes to another device; user pages are copied when it is delivered there',
    avoid: 'mirror on the switch, or mirror a sample',
    bytes: (path, facts) => (facts.userPages && path.tc?.includes('mirror') ? facts.bytes : 0),
  },
  {
    rule: 'netem_enqueue → skb_linearize',
    source: 'net/sched/sch_netem.c: corrupt',
    kind: 'linearise',
    why: 'corruption flips a bit of the payload: the packet is unshared and made linear, super-packets are segmented first',
    avoid: 'leave corruption out of paths that must be fast',
    endsReference: true,
    bytes: (path, facts) => (path.tc?.includes('netem-corrupt') ? facts.bytes : 0),
  },
  {
    rule: 'bpf_skb_pull_data → skb_linearize / __pskb_pull_tail',
    source: 'net/core/filter.c: bpf_try_make_writable',
    kind: 'linearise',
    why: 'a tc program asked for the payload in the linear part',
    avoid: 'read with bpf_skb_load_bytes, or pull only the headers',
    endsReference: true,
    bytes: (path, facts) => (path.tc?.includes('bpf-pull') ? facts.bytes : 0),
  },
  {
    rule: 'skb_segment → skb_copy_bits',
    source: 'net/core/skbuff.c; TCP takes scatter-gather for granted (net/core/sock.c: sk_setup_caps)',
    kind: 'copy',
    why: 'the device gathers no fragments: software segmentation copies every payload, however it was sent, into blocks of one segment',
    avoid: 'switch scatter-gather on: ethtool -K DEV sg on',
    endsReference: true,
    bytes: (path, facts) => (facts.protocol === 'tcp' && path.scatterGather === false ? facts.bytes : 0),
  },
  {
    rule: '__skb_linearize in validate_xmit_skb',
    source: 'net/core/dev.c: skb_needs_linearize',
    kind: 'linearise',
    why: 'page cache references reach a device without scatter-gather',
    avoid: 'switch scatter-gather on: ethtool -K DEV sg on',
    endsReference: true,
    bytes: (path, facts) =>
      facts.protocol === 'udp' && facts.references && path.scatterGather === false ? facts.bytes : 0,
  },
  {
    rule: 'skb_checksum_help → __skb_linearize',
    source: 'net/core/dev.c: skb_has_shared_frag; SKBFL_SHARED_FRAG marks pages of files and users',
    kind: 'linearise',
    why: 'the processor computes the checksum, and pages that others may write to meanwhile are copied first',
    avoid: 'switch checksum offload on: ethtool -K DEV tx on',
    endsReference: true,
    bytes: (path, facts) => (facts.references && path.checksumOffload === false ? facts.bytes : 0),
  },
  {
    rule: 'dev_queue_xmit_nit → skb_orphan_frags_rx',
    source: 'net/core/dev.c; skb_copy_ubufs',
    kind: 'copy',
    why: 'a packet socket listens: the clone for it may outlive the send, so user pages are copied',
    avoid: 'stop the capture, or filter it to other ports (the filter runs after the copy), or capture on the switch',
    bytes: (path, facts) => (facts.userPages && path.capture ? facts.bytes : 0),
  },
  {
    rule: 'veth_xdp_rcv_skb → skb_pp_cow_data',
    source: 'drivers/net/veth.c: veth_convert_skb_to_xdp_buff',
    kind: 'copy',
    why: 'packets of a socket are shared and lack the headroom a program may use: each is copied into pages of the receiving queue',
    avoid: 'attach the program to the physical device, or use a tc program on the veth device',
    endsReference: true,
    bytes: (path, facts) => (path.xdpOnVethPeer ? facts.bytes : 0),
  },
  {
    rule: 'skb_orphan_frags_rx',
    source: orphan,
    kind: 'copy',
    why: 'a packet for a socket of this host may wait there for ever, so user pages are copied before delivery',
    avoid: 'use a plain send for local peers, or a Unix socket and shared memory; sendfile keeps its reference',
    endsReference: true,
    bytes: (path, facts) => (facts.userPages && path.local !== undefined ? facts.bytes : 0),
  },
  {
    rule: 'tun_net_xmit → skb_orphan_frags_rx',
    source: 'drivers/net/tun.c',
    kind: 'copy',
    why: 'a process reads the tap: every packet is copied to it, and user pages are released first',
    avoid: 'vhost or vhost-user instead of a process that reads the tap; or pass the device through',
    bytes: (path, facts) => (path.tap ? facts.bytes * (facts.userPages ? 2 : 1) : 0),
  },
  {
    rule: 'handle_tx_copy',
    source: 'drivers/vhost/net.c: experimental_zcopytx is 0 by default',
    kind: 'copy',
    why: 'the vhost worker copies every packet out of the guest’s memory',
    avoid: 'pass the device through, or vhost-user with shared memory',
    bytes: (path, facts) => (path.vhost ? facts.bytes : 0),
  },
  {
    rule: 'sip_help_tcp → skb_linearize',
    source: 'net/netfilter/nf_conntrack_sip.c, commit a1d7c1b4b8df',
    kind: 'linearise',
    why: 'the SIP helper searches the payload as one block',
    avoid: 'do not attach the helper to this flow (notrack, or an explicit ct helper for port 5060 only)',
    bytes: (path, facts) => (path.firewall?.includes('sip-helper') ? facts.bytes : 0),
  },
  {
    rule: 'help (nf_conntrack_ftp) → skb_header_pointer',
    source: 'net/netfilter/nf_conntrack_ftp.c',
    kind: 'copy',
    why: 'the FTP helper copies the payload into its buffer to search it',
    avoid: 'attach the helper to port 21 only',
    bytes: (path, facts) => (path.firewall?.includes('ftp-helper') ? facts.bytes : 0),
  },
  {
    rule: '__nf_queue → skb_gso_segment',
    source: 'net/netfilter/nfnetlink_queue.c, commit a5fedd43d5f6',
    kind: 'expand',
    why: 'the queue’s reader did not set NFQA_CFG_F_GSO: the super-packet is cut into packets before it is queued',
    avoid: 'set NFQA_CFG_F_GSO in the daemon',
    bytes: (path, facts) => (path.firewall?.includes('nfqueue') ? facts.bytes : 0),
  },
  {
    rule: 'nfqnl_build_packet_message → skb_zerocopy',
    source: 'net/netfilter/nfnetlink_queue.c, commit 00bd1cc24a7d',
    kind: 'copy',
    why: 'the payload is copied to the daemon over netlink',
    avoid: 'limit the copy range (NFQA_CFG_PARAMS), or queue only the first packets of a flow',
    bytes: (path, facts) =>
      path.firewall?.some((one) => one === 'nfqueue' || one === 'nfqueue-gso') ? facts.bytes : 0,
  },
  {
    rule: '__udp_gso_segment / skb_segment after the tunnel header',
    source: 'net/core/skbuff.c: skb_segment',
    kind: 'expand',
    why: 'the NIC cannot segment inside this tunnel: software segmentation, a new header and new references for every packet',
    avoid: 'switch the tunnel’s segmentation offload on (ethtool -K DEV tx-udp_tnl-segmentation on)',
    bytes: (path, facts) =>
      (path.encapsulation === 'vxlan' || path.encapsulation === 'gre') && path.encapsulationOffload === false
        ? facts.bytes
        : 0,
  },
  {
    rule: 'esp_output → skb_cow_data',
    source: 'net/ipv4/esp4.c',
    kind: 'copy',
    why: 'encryption cannot write over shared or user pages: the ciphertext goes to new pages',
    avoid: 'hardware IPsec offload, or accept the copy: it is part of the cipher’s pass',
    bytes: (path, facts) => (path.encapsulation === 'ipsec' && !path.encapsulationOffload ? facts.bytes : 0),
  },
  {
    rule: 'wg_packet_encrypt_worker → skb_cow_data',
    source: 'drivers/net/wireguard/send.c',
    kind: 'copy',
    why: 'encryption in place needs private, linear data',
    avoid: 'none: the cipher touches every byte',
    bytes: (path, facts) => (path.encapsulation === 'wireguard' ? facts.bytes : 0),
  },
  {
    rule: 'tls_push_record → sk_msg ciphertext pages',
    source: 'net/tls/tls_sw.c',
    kind: 'copy',
    why: 'software TLS encrypts into pages of its own',
    avoid: 'device TLS (ethtool -K DEV tls-hw-tx-offload on)',
    bytes: (path, facts) => (path.ktls === 'software' ? facts.bytes : 0),
  },
  {
    rule: 'netif_receive_generic_xdp → pskb_expand_head, skb_linearize',
    source: 'net/core/dev.c',
    kind: 'linearise',
    why: 'a generic XDP program sees one contiguous packet with headroom',
    avoid: 'attach the program in native mode',
    bytes: (path, facts) => (path.genericXdp ? facts.bytes : 0),
  },
  {
    rule: 'ip_do_fragment → skb_copy_bits',
    source: 'net/ipv4/ip_output.c',
    kind: 'copy',
    why: 'a datagram larger than the MTU is cut by copying every fragment into a new sk_buff',
    avoid: 'UDP_SEGMENT with a segment of the MTU less 28 (48 for IPv6) bytes, or a larger MTU',
    bytes: (path, facts) =>
      facts.protocol === 'udp' && path.mtu !== undefined && path.tso === false && facts.bytes + 28 > path.mtu
        ? facts.bytes
        : 0,
  },
  {
    rule: 'tcp_fragment, icmp: fragmentation needed',
    source: 'net/ipv4/tcp_output.c: tcp_simple_retransmit',
    kind: 'expand',
    why: 'a hop has a smaller MTU: what was in flight is cut again and sent again, the references stay',
    avoid: 'let the route carry the MTU (ip route ... mtu), or clamp the MSS at the tunnel',
    bytes: (path, facts) =>
      facts.protocol === 'tcp' && path.pathMtu !== undefined && path.mtu !== undefined && path.pathMtu < path.mtu
        ? facts.bytes
        : 0,
  },
];

/** Rules that touch headers only: people fear them, they copy no payload. Named in a prediction so that it does not look forgotten. */
export function harmlessRules(path: PathDescription): string[] {
  const out: string[] = [];
  if (path.firewall?.includes('conntrack'))
    out.push('connection tracking reads headers (skb_header_pointer): no payload byte');
  if (path.firewall?.includes('nat'))
    out.push('NAT rewrites headers (skb_ensure_writable on the header): no payload byte');
  if (path.firewall?.includes('tcp-option-strip'))
    out.push('TCPOPTSTRIP and MSS clamping write within the TCP header: no payload byte');
  if (path.firewall?.includes('log')) out.push('nft log copies at most snaplen bytes of the header');
  if (path.tc?.includes('pedit')) out.push('pedit unshares what it writes: the header, if its keys lie there');
  if (path.tc?.includes('police')) out.push('policing looks at lengths only');
  if (path.encapsulation === 'vxlan' && path.encapsulationOffload !== false)
    out.push('VXLAN pushes a header into the headroom');
  return out;
}
