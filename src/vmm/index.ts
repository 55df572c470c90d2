// clearway/vmm: guests of Clearway's form (docs/vm.md) in virtual machines of KVM, and the devices that they speak to, for people who build a monitor of their own.

export { Kicker } from '../kvm/kick.js';
export { Feature, MmioTransport, type VirtioDevice } from '../virtio/mmio.js';
export { Guest, type GuestCounts, type GuestOptions, type Pause } from './guest.js';
export { type Image, ImageError, type ImagePart, readImage } from './image-file.js';
export { type StreamOwner, type VsockCounts, VsockDevice } from './vsock-device.js';
