import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeParts } from './alsa-parts.js';

const card = "Hardware PCM card 0 'HDA Intel PCH' device 3 subdevice 0\nIts setup is:\n  stream       : PLAYBACK\n";

test('a card behind nothing, and behind a plug that does nothing', () => {
  const direct = { path: 'direct', through: '', converted: '', clock: 'device' };
  assert.deepEqual(judgeParts(card, 16), direct);
  assert.deepEqual(judgeParts(`Plug PCM: ${card}`, 16), direct);
  // Samples that become wider are the same samples.
  assert.deepEqual(judgeParts(`Plug PCM: Linear conversion PCM (S32_LE)\nSlave: ${card}`, 24), direct);
});

test('what changes samples is named', () => {
  const converted = (dump: string, bits = 16): string => {
    const verdict = judgeParts(dump, bits);
    assert.deepEqual([verdict.path, verdict.clock], ['through', 'device']);
    assert.equal(verdict.through, verdict.converted);
    return verdict.converted;
  };
  assert.equal(
    converted(`Plug PCM: Rate conversion PCM (48000, sformat=S16_LE)\nSlave: ${card}`),
    "ALSA's conversion of the rate to 48000 Hz",
  );
  assert.equal(
    converted(`Plug PCM: Linear conversion PCM (S16_LE)\nSlave: ${card}`, 24),
    "ALSA's conversion of the samples to S16_LE",
  );
  const twice =
    'Plug PCM: Linear Integer <-> Linear Float conversion PCM (S32_LE)\nSlave: Linear conversion PCM (S16_LE)\n';
  assert.match(converted(`${twice}Slave: ${card}`, 24), /to S16_LE/, 'the first of two keeps all, the second does not');
  assert.match(converted(`Soft volume PCM\nControl: Master\nSlave: ${card}`), /volume plugin/);
  assert.match(converted(`Plug PCM: Route conversion PCM (sformat=S16_LE)\nSlave: ${card}`), /routing/);
});

test('a mixer, a server, and what is not known', () => {
  assert.deepEqual(judgeParts(`Direct Stream Mixing PCM\nSlave: ${card}`, 16).through, "ALSA's mixer (dmix)");
  const server = { path: 'through', through: 'PulseAudio', converted: '', clock: 'server' };
  assert.deepEqual(judgeParts('ALSA <-> PulseAudio PCM I/O Plugin\nIts setup is:\n', 16), server);
  assert.deepEqual([judgeParts('', 16).path, judgeParts('', 16).clock], ['through', 'server']);
  assert.equal(judgeParts('File PCM (file=x)\nSlave: Null PCM\n', 16).path, 'file');
  assert.equal(judgeParts('Null PCM\n', 16).path, 'nowhere');
});
