// Tests of virtual machines (test/vmm/) in a guest: QEMU emulates a processor with virtualisation of its own, so that /dev/kvm is there on hosts without it. The store in them, and their networks.

import '../vmm/kv-guest.test.js';
import '../vmm/networks.test.js';
import '../vmm/soak.test.js';
import '../vmm/tap.test.js';
