// The numbers and names of the repository's law, in one place: what is a layer and above what, how long is long. What is
// already too long is not here but in ratchet.json, which may only shrink.

/** What the rules are held to. Tests of the rules give their own. */
export interface Config {
  /** The folders of src/ from the lowest layer to the highest; folders of one row stand side by side. */
  readonly layers: readonly (readonly string[])[];
  /**
   * Folders that stay pure: they reach `kernel/` neither themselves nor through what they import. A folder in one of them that may
   * reach it stands behind a `!`; the longest name that fits a file decides.
   */
  readonly pureFolders: readonly string[];
  /** Folders that import nothing but their own files: no other folder, no package, no module of Node. */
  readonly closedFolders: readonly string[];
  /** What is bundled into a page when the package is built: it may import what is only installed for development. */
  readonly bundledFiles: RegExp;
  /** The one file of src/ that may copy bytes. */
  readonly copyFile: string;
  readonly maxFileLines: number;
  readonly maxFunctionLines: number;
  /** Programs of others that make what starts them a test of the product as a whole (`x.whole.test.ts`). */
  readonly wholePrograms: readonly string[];
  /** Exports that are used without being imported by name; without `names` all of a file's. */
  readonly exportsByConvention: readonly { readonly files: RegExp; readonly names?: readonly string[] }[];
}

/** The entry points at the root of src/ (index.ts): above every folder but the command line. */
export const ENTRY_LAYER = '(entry points)';

export const config: Config = {
  layers: [
    // Code that is compiled to WebAssembly (AssemblyScript): it imports nothing of the rest.
    ['core'],
    ['text', 'compile'],
    ['kernel'],
    ['memory'],
    ['ring'],
    ['wire'],
    ['engine'],
    ['uring', 'epoll', 'bpf', 'xdp', 'virtio', 'kvm', 'alsa', 'sound'],
    ['transport'],
    ['ui'],
    [
      'serve',
      'pages',
      'media',
      'node',
      'plan',
      'calibrate',
      'meter',
      'journey',
      'why',
      'lab',
      'vhost',
      'kv',
      'bypass',
      'audio',
      'vmm',
    ],
    ['dashboard'],
    [ENTRY_LAYER],
    ['cli'],
  ],
  pureFolders: ['core', 'text', 'compile', 'wire', 'plan', 'ui', 'media', '!media/serving'],
  closedFolders: ['core', 'text', 'compile'],
  bundledFiles: /^src\/(?:[^/]+\/page|ui)\//,
  copyFile: 'src/memory/copy.ts',
  maxFileLines: 500,
  maxFunctionLines: 70,
  wholePrograms: ['chromium', 'dpdk-testpmd', 'jackd', 'qemu-storage-daemon', 'qemu-system-x86_64'],
  exportsByConvention: [
    // Tables of the kernel's numbers and structures: complete, whatever of them is used, and held to its headers by a test.
    { files: /^src\/kernel\/(?:constants|layouts)(?:-[\w-]+)?\.ts$/ },
    // Modules that become images: the image's own code calls these (src/image/host.c, src/core/around/machine.ts).
    { files: /^src\/core\/images\//, names: ['bootBlock', 'begin', 'turn', 'rest'] },
    // That code: doors, traps and modules call these (src/compile/link-image.ts).
    { files: /^src\/core\/around\//, names: ['boot', 'main', 'trap', 'stopped', 'say', 'endGuest'] },
    // Machine code that tests and measurements of the compiler run in their own process.
    { files: /^src\/kernel\/ffi\.ts$/, names: ['functionAt'] },
    // Stand-ins for a facility of the kernel: part of the design, used by tests.
    { files: /\/fake(?:-[\w-]+)?(?:\.ts$|\/)/ },
  ],
};
