// The kernel's BPF helpers by name: number, and the arguments in the order of registers r1..r5 (bpf-helpers(7)).
// Numbers are ABI: they never change. Which program type may call which helper is the verifier's to say.

/** A helper's number and argument names. */
export interface Helper {
  readonly id: number;
  readonly parameters: readonly string[];
}

function helper<const P extends readonly string[]>(id: number, ...parameters: P): { id: number; parameters: P } {
  return { id, parameters };
}

/** Every helper the package's programs may call. Add a row to use another. */
export const helpers = {
  map_lookup_elem: helper(1, 'map', 'key'),
  map_update_elem: helper(2, 'map', 'key', 'value', 'flags'),
  map_delete_elem: helper(3, 'map', 'key'),
  ktime_get_ns: helper(5),
  get_prandom_u32: helper(7),
  get_smp_processor_id: helper(8),
  skb_store_bytes: helper(9, 'skb', 'offset', 'from', 'length', 'flags'),
  tail_call: helper(12, 'context', 'map', 'index'),
  get_current_pid_tgid: helper(14),
  get_current_uid_gid: helper(15),
  get_current_comm: helper(16, 'buffer', 'size'),
  redirect: helper(23, 'ifindex', 'flags'),
  perf_event_output: helper(25, 'context', 'map', 'flags', 'data', 'size'),
  skb_load_bytes: helper(26, 'skb', 'offset', 'to', 'length'),
  get_stackid: helper(27, 'context', 'map', 'flags'),
  get_current_task: helper(35),
  skb_change_tail: helper(38, 'skb', 'length', 'flags'),
  skb_pull_data: helper(39, 'skb', 'length'),
  skb_change_head: helper(43, 'skb', 'length', 'flags'),
  xdp_adjust_head: helper(44, 'xdp', 'delta'),
  get_socket_cookie: helper(46, 'context'),
  setsockopt: helper(49, 'socket', 'level', 'name', 'value', 'length'),
  skb_adjust_room: helper(50, 'skb', 'difference', 'mode', 'flags'),
  redirect_map: helper(51, 'map', 'key', 'flags'),
  sock_ops_cb_flags_set: helper(59, 'socket', 'flags'),
  msg_redirect_map: helper(60, 'message', 'map', 'key', 'flags'),
  xdp_adjust_tail: helper(65, 'xdp', 'delta'),
  get_stack: helper(67, 'context', 'buffer', 'size', 'flags'),
  sock_hash_update: helper(70, 'socket', 'map', 'key', 'flags'),
  msg_redirect_hash: helper(71, 'message', 'map', 'key', 'flags'),
  skb_cgroup_id: helper(79, 'skb'),
  get_current_cgroup_id: helper(80),
  sk_release: helper(86, 'socket'),
  sk_fullsock: helper(95, 'socket'),
  tcp_sock: helper(96, 'socket'),
  sk_storage_get: helper(107, 'map', 'socket', 'value', 'flags'),
  sk_storage_delete: helper(108, 'map', 'socket'),
  probe_read_user: helper(112, 'to', 'size', 'from'),
  probe_read_kernel: helper(113, 'to', 'size', 'from'),
  jiffies64: helper(118),
  get_ns_current_pid_tgid: helper(120, 'device', 'inode', 'to', 'size'),
  get_netns_cookie: helper(122, 'context'),
  ktime_get_boot_ns: helper(125),
  seq_printf: helper(126, 'sequence', 'format', 'formatSize', 'data', 'dataSize'),
  seq_write: helper(127, 'sequence', 'data', 'size'),
  sk_cgroup_id: helper(128, 'socket'),
  ringbuf_output: helper(130, 'ring', 'data', 'size', 'flags'),
  ringbuf_reserve: helper(131, 'ring', 'size', 'flags'),
  ringbuf_submit: helper(132, 'data', 'flags'),
  ringbuf_discard: helper(133, 'data', 'flags'),
  ringbuf_query: helper(134, 'ring', 'flags'),
  skc_to_tcp_sock: helper(137, 'socket'),
  skc_to_udp6_sock: helper(140, 'socket'),
  get_task_stack: helper(141, 'task', 'buffer', 'size', 'flags'),
  load_hdr_opt: helper(142, 'socket', 'to', 'length', 'flags'),
  store_hdr_opt: helper(143, 'socket', 'from', 'length', 'flags'),
  reserve_hdr_opt: helper(144, 'socket', 'length', 'flags'),
  per_cpu_ptr: helper(153, 'pointer', 'cpu'),
  this_cpu_ptr: helper(154, 'pointer'),
  task_storage_get: helper(156, 'map', 'task', 'value', 'flags'),
  task_storage_delete: helper(157, 'map', 'task'),
  get_current_task_btf: helper(158),
  ktime_get_coarse_ns: helper(160),
  sock_from_file: helper(162, 'file'),
  get_func_ip: helper(173, 'context'),
  get_attach_cookie: helper(174, 'context'),
  task_pt_regs: helper(175, 'task'),
  skc_to_unix_sock: helper(178, 'socket'),
  get_func_arg: helper(183, 'context', 'index', 'to'),
  get_func_ret: helper(184, 'context', 'to'),
  get_func_arg_cnt: helper(185, 'context'),
  xdp_get_buff_len: helper(188, 'xdp'),
  cgrp_storage_get: helper(210, 'map', 'cgroup', 'value', 'flags'),
} as const satisfies Record<string, Helper>;

export type HelperName = keyof typeof helpers;

/** The argument names of a helper. */
export type HelperParameter<N extends HelperName> = (typeof helpers)[N]['parameters'][number];

const nameById = new Map<number, string>(Object.entries(helpers).map(([name, { id }]) => [id, name]));

/** A helper's name by number; `undefined` for one not in the table. */
export function helperName(id: number): string | undefined {
  return nameById.get(id);
}
