import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  madeUpAudio,
  madeUpEntry,
  madeUpFilm,
  madeUpMember,
  madeUpVideo,
} from '../../../test/support/made-up-films.js';
import { readManifest } from '../../../test/support/playlist-readers.js';
import { isInDash, manifest } from './manifest.js';
import type { Member, Offer, OfferedRendition, OfferedSubtitle } from './offer.js';

const video = madeUpVideo();
const audio = madeUpAudio({ durations: [192_512, 191_488, 192_512, 119_808], track: { language: 'en' } });

function mpd(
  renditions: readonly OfferedRendition[],
  more: Partial<Offer> = {},
  subtitles: OfferedSubtitle[] = [],
): string {
  return ofMembers([madeUpMember(madeUpFilm(renditions, more))], subtitles);
}

function ofMembers(members: readonly Member[], subtitles: OfferedSubtitle[] = []): string {
  const text = manifest(members, subtitles);
  readManifest(text);
  return text;
}

/** The attributes of each element of a name, as written. */
function elements(text: string, name: string): Record<string, string>[] {
  return [...text.matchAll(new RegExp(`<${name}((?: [^<>]*?)?)/?>`, 'g'))].map((found) =>
    Object.fromEntries([...found[1]!.matchAll(/ ([\w:]+)="([^"]*)"/g)].map((pair) => [pair[1]!, pair[2]!])),
  );
}

const subtitle: OfferedSubtitle = {
  id: 's-en',
  language: 'en',
  forced: false,
  hearingImpaired: false,
  isDefault: false,
  base: '',
  version: '0badcafe',
};

test('D01: a static presentation of the live profile, of one Period', () => {
  const text = mpd([video, audio]);
  const [root] = elements(text, 'MPD');
  assert.equal(root!.type, 'static');
  assert.ok(root!.profiles!.split(',').includes('urn:mpeg:dash:profile:isoff-live:2011'));
  const cmaf = 'urn:mpeg:dash:profile:cmaf:2019';
  assert.ok(root!.profiles!.split(',').includes(cmaf));
  const [other] = elements(mpd([madeUpVideo({ hasStretches: true }), audio]), 'MPD');
  assert.equal(other!.profiles, 'urn:mpeg:dash:profile:isoff-live:2011', 'one trun in a traf is what CMAF has');
  assert.equal(root!.minBufferTime, 'PT2S');
  assert.deepEqual(elements(text, 'Period'), [{ id: '1', start: 'PT0.000000S' }]);
});

test('D02: the duration is that of the track that is presented longest, from its ticks, with 6 decimals', () => {
  const longer = madeUpAudio({ durations: [192_512, 191_488, 192_512, 124_928] });
  assert.equal(elements(mpd([video, longer]), 'MPD')[0]!.mediaPresentationDuration, 'PT14.613333S');
  const late = madeUpAudio({ start: 48_000, durations: [192_000, 192_000, 192_000, 120_000] });
  assert.equal(elements(mpd([video, late]), 'MPD')[0]!.mediaPresentationDuration, 'PT15.500000S');
});

test('D03: text from files stays text', () => {
  const hostile = madeUpAudio({ track: { name: '</Label><script>"&\u0000\n', language: 'a"><b' } });
  const text = mpd([video, hostile]);
  assert.doesNotMatch(text, /<script|<b/);
  assert.ok(!text.includes('\0'));
  assert.match(text, /<Label>&lt;\/Label&gt;&lt;script&gt;&#39;&amp;<\/Label>/);
});

test('D10: pictures of one codec that are cut alike are one set: aligned, each segment from a picture that stands alone', () => {
  const large = madeUpVideo({ bandwidth: 6e6, frameRate: 50, track: { width: 1920, height: 1080 } });
  const text = ofMembers([
    madeUpMember(madeUpFilm([video])),
    madeUpMember(madeUpFilm([large]), { base: '../film_1080p.mp4/', version: '00000002' }),
  ]);
  const sets = elements(text, 'AdaptationSet');
  assert.deepEqual(sets, [
    {
      id: '1',
      contentType: 'video',
      mimeType: 'video/mp4',
      segmentAlignment: 'true',
      startWithSAP: '1',
      par: '16:9',
      maxWidth: '1920',
      maxHeight: '1080',
      maxFrameRate: '50',
    },
  ]);
  assert.equal(readManifest(text).playlists.length, 2);
});

test('D10: other codecs, and pictures that are cut elsewhere, are sets of their own', () => {
  const codecs = [madeUpVideo(), madeUpVideo({ format: 'hvc1' })].map((one) => madeUpMember(madeUpFilm([one])));
  assert.equal(elements(ofMembers(codecs), 'AdaptationSet').length, 2);
  const elsewhere = madeUpVideo({ durations: [51_200, 53_760, 48_640, 32_000] });
  const cuts = [madeUpVideo(), elsewhere].map((one) => madeUpMember(madeUpFilm([one])));
  assert.equal(elements(ofMembers(cuts), 'AdaptationSet').length, 2);
});

test('D10: where pictures do not stand alone the set says so', () => {
  assert.equal(elements(mpd([video], { independent: false }), 'AdaptationSet')[0]!.startWithSAP, '3');
});

test('D11: a set for each language and codec of sound, and for each of several in one language', () => {
  const sounds = [
    madeUpAudio({ id: 'a1', track: { language: 'en' } }),
    madeUpAudio({ id: 'a2', track: { language: 'de' } }),
    madeUpAudio({ id: 'a3', track: { language: 'en', entries: [madeUpEntry('ac-3')] } }),
    madeUpAudio({ id: 'a4', track: { language: 'en', name: 'Director’s commentary' } }),
  ];
  const text = mpd([video, ...sounds]);
  const sets = elements(text, 'AdaptationSet').filter(({ contentType }) => contentType === 'audio');
  assert.deepEqual(
    sets.map(({ lang }) => lang),
    ['en', 'de', 'en', 'en'],
  );
  const ids = elements(text, 'Representation').map(({ id }) => id);
  assert.deepEqual([...ids].sort(), ['a1', 'a2', 'a3', 'a4', 'v1']);
});

test('D12: one main sound; a commentary is called one', () => {
  const sounds = [
    madeUpAudio({ id: 'a1', track: { language: 'en' } }),
    madeUpAudio({ id: 'a2', track: { language: 'de' } }),
    madeUpAudio({ id: 'a3', track: { language: 'en', name: 'Commentary' } }),
  ];
  const text = mpd([video, ...sounds]);
  assert.deepEqual(
    elements(text, 'Role').map(({ value }) => value),
    ['main', 'main', 'alternate', 'commentary'],
  );
});

test('D13: channels as their configuration: 7.1 is 12', () => {
  const value = (channels: number) =>
    elements(
      mpd([madeUpAudio({ track: { entries: [madeUpEntry('mp4a', { channels })] } })]),
      'AudioChannelConfiguration',
    )[0]?.value;
  assert.deepEqual([1, 2, 6, 7, 8, 24].map(value), ['1', '2', '6', '11', '12', undefined]);
});

test('D14: a subtitle is one file of text/vtt, found by mpd-parser beneath the version', () => {
  const text = mpd([video], {}, [subtitle, { ...subtitle, id: 's-de-forced', language: 'de', forced: true }]);
  assert.match(text, /<BaseURL>0badcafe\/s-en\.vtt<\/BaseURL>/);
  assert.deepEqual(
    elements(text, 'Role').map(({ value }) => value),
    ['main', 'subtitle', 'forced-subtitle'],
  );
  // Called as in HLS, also where one language has several.
  const deaf = { ...subtitle, id: 's-en-sdh', hearingImpaired: true };
  assert.match(mpd([video], {}, [deaf, subtitle]), /<Label>English \(SDH\)<\/Label>.*<Label>English<\/Label>/s);
  const groups = readManifest(text).mediaGroups.SUBTITLES.subs!;
  const [first] = Object.values(groups);
  assert.equal(first!.playlists[0]!.segments[0]!.resolvedUri, 'http://films.example/film.mp4/0badcafe/s-en.vtt');
});

test('D20: segments are the ones of HLS, by template from 1', () => {
  const template = elements(mpd([video]), 'SegmentTemplate')[0];
  assert.deepEqual(template, {
    timescale: '12800',
    initialization: '3fa9c2d1/v1/init.mp4',
    media: '3fa9c2d1/v1/$Number$.m4s',
    startNumber: '1',
  });
});

test('D21: the timeline has each segment’s ticks: runs of equal ones once, t where time does not simply go on', () => {
  assert.deepEqual(elements(mpd([video]), 'S'), [{ t: '0', d: '51200', r: '2' }, { d: '32000' }]);
  const late = madeUpAudio({ start: 33_600, durations: [192_512, 191_488, 191_488] });
  assert.deepEqual(elements(mpd([late]), 'S'), [
    { t: '33600', d: '192512' },
    { d: '191488', r: '1' },
  ]);
});

test('D22: what mpd-parser reads is the presentation, to a tick, without gaps', () => {
  const { playlists, mediaGroups, duration } = readManifest(mpd([video, audio]));
  assert.equal(duration, 14.506667);
  const read = [playlists[0]!, Object.values(mediaGroups.AUDIO.audio!)[0]!.playlists[0]!];
  for (const [index, rendition] of [video, audio].entries()) {
    const { segments } = read[index]!;
    const { timescale } = rendition.track;
    assert.equal(segments.length, rendition.segments.count);
    for (const [k, segment] of segments.entries()) {
      assert.ok(Math.abs(segment.presentationTime - rendition.segments.startTicks(k) / timescale) < 1 / timescale);
      assert.ok(Math.abs(segment.duration - rendition.segments.durationTicks(k) / timescale) < 1 / timescale);
      assert.equal(segment.resolvedUri, `http://films.example/film.mp4/3fa9c2d1/${rendition.id}/${k + 1}.m4s`);
      assert.equal(segment.map!.resolvedUri, `http://films.example/film.mp4/3fa9c2d1/${rendition.id}/init.mp4`);
    }
  }
});

test('D23: times above 2^32 stay exact', () => {
  const late = madeUpVideo({
    track: { timescale: 10_000_000 },
    start: 2 ** 40 + 1,
    durations: [40_000_001, 40_000_001],
  });
  assert.deepEqual(elements(mpd([late]), 'S'), [{ t: String(2 ** 40 + 1), d: '40000001', r: '1' }]);
});

test('D30: ids are different, in a group of films too', () => {
  const members = [video, video].map((one) => madeUpMember(madeUpFilm([one, audio])));
  const ids = elements(ofMembers(members), 'Representation').map(({ id }) => id);
  assert.deepEqual(ids, ['1-v1', '2-v1', '1-a1']);
  const sets = elements(ofMembers(members), 'AdaptationSet').map(({ id }) => id);
  assert.equal(new Set(sets).size, sets.length);
});

test('D31: a rate is that of the rendition alone, and never 0', () => {
  const text = mpd([video, madeUpAudio({ bandwidth: 0 })], {}, [subtitle]);
  assert.deepEqual(
    elements(text, 'Representation').map(({ bandwidth }) => bandwidth),
    ['3000000', '1', '256'],
  );
});

test('D32: codecs are those of MSE, a frame rate is a fraction', () => {
  const mp3 = madeUpAudio({ format: 'mp3' });
  const rate = (frameRate: number) => elements(mpd([madeUpVideo({ frameRate })]), 'Representation')[0]!.frameRate;
  assert.equal(elements(mpd([mp3]), 'Representation')[0]!.codecs, 'mp4a.6B');
  assert.deepEqual([25, 30_000 / 1001, 24_000 / 1001, 12.5, 59.94].map(rate), [
    '25',
    '30000/1001',
    '24000/1001',
    '25/2',
    '60000/1001',
  ]);
});

test('D33: coded size, shape of pixels and shape of the picture; turned films stand upright', () => {
  const entries = [madeUpEntry('avc1', { width: 720, height: 576 })];
  const wide = madeUpVideo({ track: { width: 1024, height: 576, entries } });
  const [representation] = elements(mpd([wide]), 'Representation');
  assert.deepEqual([representation!.width, representation!.height, representation!.sar], ['720', '576', '64:45']);
  assert.equal(elements(mpd([wide]), 'AdaptationSet')[0]!.par, '16:9');
  // 853.33 pixels across are shown as 853: the shape of a pixel is exact.
  const ntsc = madeUpEntry('avc1', { width: 720, height: 480, pixelShape: { width: 32, height: 27 } });
  for (const [rotation, sar, par] of [
    [0, '32:27', '16:9'],
    [90, '27:32', '9:16'],
  ] as const) {
    const turned = madeUpVideo({ track: { width: 853, height: 480, entries: [ntsc], rotation } });
    assert.equal(elements(mpd([turned]), 'Representation')[0]!.sar, sar);
    assert.equal(elements(mpd([turned]), 'AdaptationSet')[0]!.par, par);
  }
  // What is cut off at the edge is not part of the shape that is shown.
  const cropped = madeUpEntry('avc1', { width: 1920, height: 1088, pixelShape: { width: 1, height: 1 } });
  const shown = madeUpVideo({ track: { width: 1920, height: 1080, entries: [cropped] } });
  assert.equal(elements(mpd([shown]), 'Representation')[0]!.sar, '1:1');
  assert.equal(elements(mpd([shown]), 'AdaptationSet')[0]!.par, '16:9');
  const phone = madeUpVideo({ track: { width: 1280, height: 720, rotation: 90 } });
  const [upright] = elements(mpd([phone]), 'Representation');
  assert.deepEqual([upright!.width, upright!.height, upright!.sar], ['720', '1280', '1:1']);
  assert.equal(elements(mpd([phone]), 'AdaptationSet')[0]!.par, '9:16');
});

test('D34: HDR is said, VP9 is offered, ALAC is not', () => {
  const hdr = madeUpVideo({ track: { entries: [madeUpEntry('hvc1', { videoRange: 'HLG' })] } });
  assert.equal(elements(mpd([hdr]), 'SupplementalProperty')[0]!.value, '18');
  const objects = madeUpAudio({ track: { entries: [madeUpEntry('ec-3', { channels: 6, objects: 16 })] } });
  assert.deepEqual(
    elements(mpd([objects]), 'SupplementalProperty').map(({ value }) => value),
    ['JOC', '16'],
  );
  assert.equal(elements(mpd([madeUpVideo({ format: 'vp09' })]), 'Representation').length, 1);
  const longer = madeUpAudio({ format: 'alac', durations: [4, 4, 4, 9].map((seconds) => seconds * 48_000) });
  assert.equal(elements(mpd([video, longer]), 'Representation').length, 1);
  assert.match(mpd([video, longer]), /mediaPresentationDuration="PT14\.500000S"/, 'of what is offered');
  assert.ok(isInDash([madeUpMember(madeUpFilm([video, longer]))]));
  assert.ok(!isInDash([madeUpMember(madeUpFilm([longer]))]));
});

test('D40: another sample description begins a Period, for sound as well', () => {
  const changing = madeUpVideo({ inits: [0, 0, 1, 1] });
  const text = mpd([changing, audio], {}, [subtitle]);
  assert.deepEqual(
    elements(text, 'Period').map(({ start }) => start),
    ['PT0.000000S', 'PT8.000000S'],
  );
  const templates = elements(text, 'SegmentTemplate');
  assert.deepEqual(
    templates.map(({ initialization, startNumber, presentationTimeOffset }) => [
      initialization,
      startNumber,
      presentationTimeOffset,
    ]),
    [
      ['3fa9c2d1/v1/init.mp4', '1', undefined],
      ['3fa9c2d1/a1/init.mp4', '1', undefined],
      ['3fa9c2d1/v1/init-2.mp4', '3', '102400'],
      ['3fa9c2d1/a1/init.mp4', '3', '384000'],
    ],
  );
  assert.deepEqual(
    elements(text, 'SegmentBase').map(({ presentationTimeOffset }) => presentationTimeOffset),
    ['0', '8000'],
  );
});

test('D40: a Period says of pictures and sound what they are there', () => {
  const entries = [
    madeUpEntry('avc1'),
    madeUpEntry('avc1', { width: 640, height: 480, pixelShape: { width: 4, height: 3 }, videoRange: 'HLG' }),
  ];
  const sounds = [madeUpEntry('mp4a'), madeUpEntry('mp4a', { channels: 6, sampleRate: 44_100 })];
  const changing = madeUpVideo({ inits: [0, 0, 1, 1], track: { entries } });
  const text = mpd([changing, madeUpAudio({ inits: [0, 0, 1, 1], track: { entries: sounds } })]);
  assert.deepEqual(
    elements(text, 'Representation').map(({ width, height, sar, audioSamplingRate }) => [
      ...[width, height, sar, audioSamplingRate],
    ]),
    [
      ['1280', '720', '1:1', undefined],
      [undefined, undefined, undefined, '48000'],
      ['640', '480', '4:3', undefined],
      [undefined, undefined, undefined, '44100'],
    ],
  );
  assert.deepEqual(
    elements(text, 'AudioChannelConfiguration').map(({ value }) => value),
    ['2', '6'],
  );
  assert.deepEqual(
    elements(text, 'SupplementalProperty').map(({ value }) => value),
    ['18'],
  );
});
