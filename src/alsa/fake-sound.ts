// Stands in for the kernel's sound devices: cards with control and playback devices, whose calls are answered here (kernel/sound.ts, SoundCalls).
// Not here: what a playback device answers (fake-pcm.ts).

import { SNDRV_CTL_IOCTL, SNDRV_CTL_TLVT } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { viewMemory } from '../kernel/ffi.js';
import { layouts } from '../kernel/layouts.js';
import type { Mapping } from '../kernel/memory.js';
import type { SoundCalls } from '../kernel/sound.js';
import { FakePcm } from './fake-pcm.js';
import { type FakeAbilities, fakeAbilities } from './fake-refine.js';

/** A made-up card. */
export interface FakeCard {
  readonly id: string;
  readonly name: string;
  readonly devices: readonly FakePcm[];
  /** The card's "Playback Channel Map", as positions of SNDRV_CHMAP. */
  readonly channelMap?: readonly number[];
}

/** A card with one playback device. */
export function fakeCard(
  abilities: Partial<FakeAbilities> = {},
  id = 'Fake',
  channelMap?: readonly number[],
): FakeCard {
  const devices = [new FakePcm({ ...fakeAbilities, ...abilities })];
  return { id, name: `${id} card`, devices, ...(channelMap === undefined ? {} : { channelMap }) };
}

/** See the file's head. Paths are those of /dev/snd. */
export class FakeSound implements SoundCalls {
  /** What open answers for a path, in place of a descriptor: -errno. */
  readonly refusals = new Map<string, number>();
  /** Descriptors that are open. */
  readonly handles = new Map<number, FakePcm | FakeCard>();
  readonly #cards: readonly FakeCard[];
  #next = 1000;

  constructor(...cards: readonly FakeCard[]) {
    this.#cards = cards;
  }

  open(path: string): number {
    const refusal = this.refusals.get(path);
    if (refusal !== undefined) return refusal;
    const [, control] = /controlC(\d+)$/.exec(path) ?? [];
    const [, card, device] = /pcmC(\d+)D(\d+)p$/.exec(path) ?? [];
    const found =
      control === undefined ? this.#cards[Number(card)]?.devices[Number(device)] : this.#cards[Number(control)];
    if (found === undefined) return -Errno.ENOENT;
    if (found instanceof FakePcm) {
      if (found.isOpen) return -Errno.EBUSY;
      found.isOpen = true;
    }
    this.handles.set(++this.#next, found);
    return this.#next;
  }

  close(fd: number): void {
    const found = this.handles.get(fd);
    if (found instanceof FakePcm) found.close();
    this.handles.delete(fd);
  }

  setBlocking(): number {
    return 0;
  }

  request(fd: number, request: number, argument: number): number {
    const found = this.handles.get(fd);
    if (found === undefined) return -Errno.EBADF;
    return found instanceof FakePcm ? found.request(request, argument) : this.#control(found, request, argument);
  }

  map(fd: number, offset: number, length: number): Mapping | number {
    const found = this.handles.get(fd);
    return found instanceof FakePcm ? found.map(offset, length) : -Errno.ENODEV;
  }

  unmap(mapping: Mapping): void {
    const pcms = this.#cards.flatMap(({ devices }) => devices);
    const owner = pcms.find((each) => each.owns(mapping));
    owner?.unmap(mapping);
  }

  #control(card: FakeCard, request: number, argument: number): number {
    const { snd_ctl_card_info: cardLayout, snd_pcm_info: pcmLayout, snd_ctl_elem_value: elementLayout } = layouts;
    const write = (data: DataView, at: number, text: string): void => {
      for (const [index, byte] of [...Buffer.from(text)].entries()) data.setUint8(at + index, byte);
    };
    switch (request) {
      case SNDRV_CTL_IOCTL.CARD_INFO: {
        const data = new DataView(viewMemory(argument, cardLayout.size));
        for (let at = 0; at < cardLayout.size; at++) data.setUint8(at, 0);
        data.setInt32(0, this.#cards.indexOf(card), true);
        write(data, cardLayout.fields.id.offset, card.id);
        write(data, cardLayout.fields.driver.offset, 'fake');
        write(data, cardLayout.fields.name.offset, card.name);
        return 0;
      }
      case SNDRV_CTL_IOCTL.PCM_NEXT_DEVICE: {
        const data = new DataView(viewMemory(argument, 4));
        const next = data.getInt32(0, true) + 1;
        data.setInt32(0, next < card.devices.length ? next : -1, true);
        return 0;
      }
      case SNDRV_CTL_IOCTL.PCM_INFO: {
        const data = new DataView(viewMemory(argument, pcmLayout.size));
        const device = card.devices[data.getUint32(0, true)];
        if (device === undefined) return -Errno.ENXIO;
        write(data, pcmLayout.fields.name.offset, 'Fake PCM');
        data.setUint32(pcmLayout.fields.subdevices_count.offset, 1, true);
        data.setUint32(pcmLayout.fields.subdevices_avail.offset, device.isOpen ? 0 : 1, true);
        return 0;
      }
      case SNDRV_CTL_IOCTL.ELEM_READ: {
        if (card.channelMap === undefined) return -Errno.ENOENT;
        const data = new DataView(viewMemory(argument, elementLayout.size));
        for (const [index, position] of card.channelMap.entries())
          data.setBigInt64(elementLayout.fields.value.offset + index * 8, BigInt(position), true);
        return 0;
      }
      case SNDRV_CTL_IOCTL.TLV_READ: {
        if (card.channelMap === undefined) return -Errno.ENOENT;
        const words = [SNDRV_CTL_TLVT.CHMAP_FIXED, card.channelMap.length * 4, ...card.channelMap];
        const data = new DataView(viewMemory(argument, 16 + words.length * 4));
        for (const [index, word] of [SNDRV_CTL_TLVT.CONTAINER, words.length * 4, ...words].entries())
          data.setUint32(8 + index * 4, word, true);
        return 0;
      }
      case SNDRV_CTL_IOCTL.PCM_PREFER_SUBDEVICE:
        return 0;
      default:
        return -Errno.ENOTTY;
    }
  }
}
