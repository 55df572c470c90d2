import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSinkName, SinkNameError } from './sink-name.js';

test('what names mean', () => {
  for (const [name, wanted] of [
    ['hw:0', { kind: 'alsa-kernel', card: 0, device: 0, subdevice: -1 }],
    ['hw:2,7', { kind: 'alsa-kernel', card: 2, device: 7, subdevice: -1 }],
    ['hw:2,7,1', { kind: 'alsa-kernel', card: 2, device: 7, subdevice: 1 }],
    ['hw:PCH', { kind: 'alsa-kernel', card: 'PCH', device: 0, subdevice: -1 }],
    ['hw:CARD=PCH,DEV=3', { kind: 'alsa-kernel', card: 'PCH', device: 3, subdevice: -1 }],
    ['alsa:hw:0,0', { kind: 'alsa-library', name: 'hw:0,0' }],
    ['plughw:1,0', { kind: 'alsa-library', name: 'plughw:1,0' }],
    ['default', { kind: 'alsa-library', name: 'default' }],
    ['alsa:null', { kind: 'alsa-library', name: 'null' }],
    ['jack', { kind: 'jack' }],
    ['null', { kind: 'null', isPaced: true }],
    ['null:fast', { kind: 'null', isPaced: false }],
    ['file:a b.wav', { kind: 'file', path: 'a b.wav', isRaw: false }],
    ['raw:/tmp/x', { kind: 'file', path: '/tmp/x', isRaw: true }],
    ['-', { kind: 'file', path: undefined, isRaw: false }],
    ['raw:-', { kind: 'file', path: undefined, isRaw: true }],
  ] as const) {
    assert.deepEqual(parseSinkName(name), wanted, name);
  }
  for (const name of ['', 'file:', 'raw:', 'alsa:', 'hw:9999,0', 'hw:0,0,0,0', 'hw:a b', 'a\0b', 'x'.repeat(2000)])
    assert.throws(() => parseSinkName(name), SinkNameError, JSON.stringify(name));
});
