/* Where everything is in an image's memory. src/vmm/boot.ts says the same for our monitor, and a test holds the two together. */
#ifndef LAYOUT_H
#define LAYOUT_H

/* The image itself, where it is loaded and where it runs; it ends before LINEAR_PHYSICAL. */
#define IMAGE_BASE 0x100000
/* Linear memory of the module: from here on in the machine, and there for the program. 8 GiB from there on belong to it alone, so that
   whatever 32-bit address and offset the module comes up with lies in it or in nothing. */
#define LINEAR_PHYSICAL 0x200000
#define LINEAR_VIRTUAL 0x40000000
/* The first 64 KiB of it are not there: a null address leads to nothing. */
#define LINEAR_GUARD 0x10000
/* Behind them: room for the module's own data, beneath its heap. test/vmm/doors.test.ts would see what lies beyond. */
#define STATIC_BYTES 0x100000
/* Registers of devices, which lie from 3 to 4 GiB in the machine, are seen by the program at this distance. */
#define DEVICES_VIRTUAL 0x400000000
#define DEVICES_PHYSICAL 0xc0000000
/* Most linear memory. */
#define LINEAR_MOST 0x80000000

/* Ports: serial line, end of the guest, and (our monitor) rest for so many microseconds or until something happens. */
#define PORT_SERIAL 0x3f8
#define PORT_END 0xf4
#define PORT_PARK 0xc1ea

/* How the guest was entered. */
#define DOOR_OURS 1
#define DOOR_LINUX 2
#define DOOR_PVH 3

#define USER_CODE 0x2b
#define USER_DATA 0x23
#define COMMAND_LINE_BYTES 2048

#endif
