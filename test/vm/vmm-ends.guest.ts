// Tests of virtual machines (test/vmm/) in a guest: QEMU emulates a processor with virtualisation of its own, so that /dev/kvm is there on hosts without it. How they end, and what they must not do.

import '../vmm/life.test.js';
import '../vmm/hostile.test.js';
import '../vmm/hostile-card.test.js';
