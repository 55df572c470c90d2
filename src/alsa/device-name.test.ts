import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isKernelName, readDeviceName, writeDeviceName } from './device-name.js';
import { SoundError } from './sound-error.js';

test('names of devices, as ALSA writes them', () => {
  assert.deepEqual(readDeviceName('hw'), { card: 0, device: 0, subdevice: undefined });
  assert.deepEqual(readDeviceName('hw:2'), { card: 2, device: 0, subdevice: undefined });
  assert.deepEqual(readDeviceName('hw:1,3'), { card: 1, device: 3, subdevice: undefined });
  assert.deepEqual(readDeviceName('hw:1,3,2'), { card: 1, device: 3, subdevice: 2 });
  assert.deepEqual(readDeviceName('hw:PCH,1'), { card: 'PCH', device: 1, subdevice: undefined });
  assert.deepEqual(readDeviceName('hw:CARD=PCH,DEV=1,SUBDEV=0'), { card: 'PCH', device: 1, subdevice: 0 });
  assert.deepEqual(readDeviceName('hw:DEV=1,CARD=3'), { card: 3, device: 1, subdevice: undefined });
});

test('what is no name of a device is refused', () => {
  for (const name of [
    '',
    'plughw:0',
    'hw:0,0,0,0',
    'hw:a b',
    'hw:../..',
    'hw:0,x',
    'hw:9999',
    'hw:CARD=0,CARD=1',
    'hw:0,-1',
  ]) {
    assert.throws(() => readDeviceName(name), SoundError, name);
  }
  assert.equal(isKernelName('hwfoo'), false);
});

test('no text makes it throw anything but a refusal', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 120 }), (text) => {
      try {
        const { card, device, subdevice } = readDeviceName(`hw:${text}`);
        if (typeof card === 'number') {
          assert.deepEqual(readDeviceName(writeDeviceName(card, device, subdevice)), { card, device, subdevice });
        }
      } catch (error) {
        assert.ok(error instanceof SoundError);
      }
    }),
  );
});
