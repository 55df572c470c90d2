// Tests of virtual machines (test/vmm/) in a guest: QEMU emulates a processor with virtualisation of its own, so that /dev/kvm is there on hosts without it. How they are entered, by images of both compilers.

import '../vmm/doors.test.js';
import '../vmm/own-image.test.js';
import '../vmm/streams.test.js';
